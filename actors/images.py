"""Pictures in requests: a ``data:`` URL (RFC 2397) taken apart, for the APIs that want its parts."""

import re
from typing import Final, NamedTuple

from .contracts import ImagePart
from .errors import InvalidRequest

_DATA_URL: Final = re.compile(r"data:(image/[a-z0-9.+-]+)(?:;[^,;]+)*;base64,([A-Za-z0-9+/]+={0,2})", re.IGNORECASE)


class InlineImage(NamedTuple):
    """A picture that is in the request itself."""

    media_type: str
    """Such as ``image/png``."""
    base64: str


def inline_image(part: ImagePart, provider: str) -> InlineImage | None:
    """Return the picture if it is in its URL; None if it is elsewhere, at an ``https:`` or ``http:`` address.

    Raises:
        InvalidRequest: It is neither.
    """
    if part.url.startswith(("https://", "http://")):
        return None
    found = _DATA_URL.fullmatch(part.url)
    if found is None:
        raise InvalidRequest(provider, "a picture's url has to be like https://… or data:image/png;base64,…")
    return InlineImage(found[1].lower(), found[2])
