"""Reading the body of an HTTP request: no more than so many bytes, and no longer than so many seconds."""

from anyio import fail_after
from starlette.requests import ClientDisconnect, Request

from .refusals import body_too_late, body_too_long


async def read_body(request: Request, limit: int, timeout: float) -> bytes:
    """Return the body.

    Raises:
        Refusal: It is longer than `limit` bytes, not there after `timeout` seconds, or will not come any more.
    """
    body = bytearray()
    try:
        with fail_after(timeout):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise body_too_long(limit)
    except (TimeoutError, ClientDisconnect):
        raise body_too_late() from None
    return bytes(body)
