"""Forms with files, ``multipart/form-data`` (RFC 7578)."""

import secrets
from collections.abc import Iterable
from typing import Self

from msgspec import Struct

from ..codecs.audio_writer import wav_header


class Form(Struct, frozen=True):
    """A request's body."""

    content_type: str
    body: bytes


class File(Struct, frozen=True, kw_only=True):
    """A file in a form."""

    content: bytes
    name: str
    """What it is called."""
    content_type: str
    field: str = "file"
    """The form's field that it is in; a field may have several files."""

    @classmethod
    def wav(cls, pcm: bytes, rate: int, field: str = "file") -> Self:
        """Return a WAV file of mono s16le audio with that rate in Hz."""
        wav = wav_header(rate, 1, len(pcm)) + pcm
        return cls(content=wav, name="speech.wav", content_type="audio/wav", field=field)


def encode_form(fields: Iterable[tuple[str, str]], *files: File) -> Form:
    """Return a form with text fields and files.

    Args:
        fields: Names and texts; a name may come more than once.
        files: What is uploaded. Names of files have no quotes or line ends in them.
    """
    boundary = secrets.token_hex(16).encode()
    body = bytearray()
    for field, text in fields:
        body += b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n' % (boundary, field.encode())
        body += b"%b\r\n" % text.encode()
    for file in files:
        names = (boundary, file.field.encode(), file.name.encode())
        body += b'--%b\r\nContent-Disposition: form-data; name="%b"; filename="%b"\r\n' % names
        body += b"Content-Type: %b\r\n\r\n%b\r\n" % (file.content_type.encode(), file.content)
    body += b"--%b--\r\n" % boundary
    return Form(f"multipart/form-data; boundary={boundary.decode()}", bytes(body))
