"""Forms with files, ``multipart/form-data`` (RFC 7578)."""

import secrets
from collections.abc import Iterable

from msgspec import Struct


class Form(Struct, frozen=True):
    """A request's body."""

    content_type: str
    body: bytes


def encode_form(fields: Iterable[tuple[str, str]], *, file: bytes, name: str, content_type: str) -> Form:
    """Return a form with text fields and one file, in a field that is called ``file``.

    Args:
        fields: Names and texts; a name may come more than once.
        file: Its content.
        name: What the file is called.
        content_type: Its media type.
    """
    boundary = secrets.token_hex(16).encode()
    body = bytearray()
    for field, text in fields:
        body += b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n' % (boundary, field.encode())
        body += b"%b\r\n" % text.encode()
    body += b'--%b\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\n' % (boundary, name.encode())
    body += b"Content-Type: %b\r\n\r\n%b\r\n--%b--\r\n" % (content_type.encode(), file, boundary)
    return Form(f"multipart/form-data; boundary={boundary.decode()}", bytes(body))
