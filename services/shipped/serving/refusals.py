"""Refusals in the words of OpenAI's API: ``{"error": {"message", "type", "param", "code"}}``."""

import logging
from collections.abc import Callable, Coroutine
from typing import Any, Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

log = logging.getLogger(__name__)


class Refused(Exception):
    """A request that is not served.

    Attributes:
        status: of the answer.
        message: says what to do about it; it holds nothing of the request's content.
        param: which parameter is wrong.
        code: for programs.
    """

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(status, message)
        self.status = status
        self.message = message
        self.param = param
        self.code = code

    def body(self) -> dict[str, dict[str, str | None]]:
        """Return what the client gets."""
        kind = "invalid_request_error" if self.status < 500 else "server_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}


class EngineFailed(Exception):
    """The engine could not do a job; the text says why, without anything of its content."""


def json_response(value: object, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    response = json_response(error.body(), error.status)
    if error.status == 503:
        response.headers["retry-after"] = "1"
    return response


def _http(request: Request, error: Exception) -> Response:
    """Answer for what Starlette itself refuses: unknown paths, wrong methods, broken forms."""
    assert isinstance(error, HTTPException)
    return _refused(request, Refused(error.status_code, error.detail))


def _failed(request: Request, error: Exception) -> Response:
    log.error("an engine failed", exc_info=error)
    return _refused(request, Refused(500, "The engine failed; the log of the service says why.", code="engine_failed"))


Handler = Callable[[Request, Exception], Response | Coroutine[Any, Any, Response]]
HANDLERS: Final[dict[Any, Handler]] = {Refused: _refused, HTTPException: _http, EngineFailed: _failed}
"""For ``Starlette(exception_handlers=...)``."""
