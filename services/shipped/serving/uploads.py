"""Bodies of requests, read no further than they may go."""

from typing import TypeVar

import msgspec
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.types import Message

from .refusals import Refused

MOST_FIELDS = 64
LARGEST_FIELD = 64 * 1024
"""Bytes of a text field of a form."""

T = TypeVar("T")


async def read_form(request: Request, largest: int) -> FormData:
    """Read ``multipart/form-data``. Close the form when its files are no longer needed.

    Raises:
        Refused: It has more than `largest` bytes (413), which is noticed as soon as they come; or it is no form (400).
        HTTPException: It is broken.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise Refused(400, "The body has to be multipart/form-data.")
    bounded = _bounded(request, largest)
    return await bounded.form(max_files=1, max_fields=MOST_FIELDS, max_part_size=LARGEST_FIELD)


async def read_json(request: Request, kind: type[T], largest: int) -> T:
    """Read a JSON body.

    Raises:
        Refused: It is larger than `largest` bytes (413), is no JSON, or says something wrong; the text names the member
            (400).
    """
    body = await _bounded(request, largest).body()
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        raise Refused(400, f"{reason}.", param=path.rstrip("`") or None, code="invalid_value") from None
    except msgspec.DecodeError:
        raise Refused(400, "The body is not JSON.") from None


def _bounded(request: Request, largest: int) -> Request:
    """Return the request with an end of its body."""
    refusal = Refused(413, f"The body may have {largest} bytes at most.", code="too_large")
    declared = request.headers.get("content-length", "0")
    if declared.isdecimal() and int(declared) > largest:
        raise refusal
    left = largest

    async def receive() -> Message:
        nonlocal left
        message = await request.receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise refusal
        return message

    return Request(request.scope, receive)
