"""The one call that serves a gateway until it is told to end: in this process, or in several on one port."""

import socket
import sys
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import anyio

from .app import Gateway
from .server import PLAIN, Serving, serve_alone
from .worker import WorkerEnd
from .workers import Workers

EVENT_LOOP: Final[dict[str, Any]] = {"use_uvloop": sys.platform != "win32"}


def serve(build: Callable[[], Gateway], listener: socket.socket, serving: Serving = PLAIN, *, workers: int = 1) -> int:
    """Serve until SIGTERM or SIGINT; see `troupe.services.gateway.server` about the end.

    With several workers this process must have no thread of its own: it forks. Client secrets that one worker gives out
    are good at the others only if `build` gives all of them the same signing key.

    Args:
        build: Makes the gateway, in the process that serves it.
        listener: Where connections come in; see `listening_socket`.
        serving: How it is served.
        workers: Processes that serve it; this one looks after them if there are several.

    Returns:
        The exit status of the process: 0 after an orderly end.

    Raises:
        StartFailed: A part of the gateway did not start; with several workers this is printed, and the status is 1.
    """
    if workers > 1:
        return Workers(listener, workers, partial(_work, build, serving), serving.drain).run()
    anyio.run(serve_alone, build(), listener, serving, backend_options=EVENT_LOOP)
    return 0


def _work(build: Callable[[], Gateway], serving: Serving, control: socket.socket) -> int:
    async def work() -> None:
        await WorkerEnd(control, build(), serving).run()

    anyio.run(work, backend_options=EVENT_LOOP)
    return 0
