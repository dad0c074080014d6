"""The client's end of a request: it may leave, and then nobody goes on working for it."""

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from anyio import CancelScope, create_task_group
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from .refusals import EngineFailed, Refused

Push: TypeAlias = Callable[[bytes], Awaitable[None]]


class Answering(Response):
    """An answer that is still to be made, and whose making ends when the client leaves.

    The status line goes out with the first bytes, so that what is refused before that is refused properly. What fails
    after it breaks the connection off, as HTTP has no other way to say so.
    """

    def __init__(self, make: Callable[[Push], Awaitable[None]], media_type: str) -> None:
        """Prepare the answer.

        Args:
            make: Pushes the pieces of the body; the request's body has been read before.
            media_type: Of the body.
        """
        super().__init__(media_type=media_type)
        del self.headers["content-length"]
        self._make = make
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Make the answer and send it, piece by piece."""
        error: Refused | EngineFailed | None = None

        async def push(piece: bytes) -> None:
            if not self._begun:
                self._begun = True
                await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": piece, "more_body": True})

        async with create_task_group() as tasks:
            tasks.start_soon(_mind_client, receive, tasks.cancel_scope)
            try:
                await self._make(push)
                await push(b"")
                await send({"type": "http.response.body", "body": b""})
            except (Refused, EngineFailed) as caught:  # outside of the group, or it would come as a group of one
                error = caught
            tasks.cancel_scope.cancel()
        if error is not None:
            raise error


async def _mind_client(receive: Receive, scope: CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()
