"""What every peer's server shares: the scripted providers' content, the command line, and how it starts and ends.

Runs inside the environment of a peer, so it imports nothing but the standard library.
"""

import argparse
import asyncio
import random
import socket
import sys
from array import array
from collections.abc import Awaitable, Callable
from typing import Any, Final

RATE_OUT: Final = 24_000
"""Hertz of the answers."""
RATE_IN: Final = 16_000
"""Hertz of what the caller says, which is what Silero takes: no server here has to resample it."""
SILENCE: Final = 0.3
"""Seconds without speech after which a turn has ended, for every peer."""
ONSET: Final = 0.064
"""Seconds of speech (two of Silero's windows) that interrupt an answer in the lean set-ups; Troupe takes as many."""
HEARD: Final = "What is it that you want to tell me?"
"""What the scripted recogniser understands, whatever is said."""
SENTENCE: Final = "This is one of many sentences that an answer may have. "
CHARACTER: Final = 0.05
"""Seconds of speech for each character of text."""


def tokens(sentences: int) -> list[str]:
    """Return what the scripted model writes: a word a token."""
    return [f"{word} " for word in SENTENCE.split()] * sentences


def noise(seconds: float) -> bytes:
    """Return what the scripted voice says: noise, 16 bit at `RATE_OUT`, the same in every run."""
    draw = random.Random(1)
    return array("h", (draw.randrange(-3000, 3000) for _ in range(round(seconds * RATE_OUT)))).tobytes()


def chunks(text: str, seconds: float) -> int:
    """Return how many chunks of `seconds` the voice says a text in."""
    return max(1, round(len(text) * CHARACTER / seconds))


def arguments(*set_ups: str) -> argparse.Namespace:
    """Parse the command line of a server.

    Args:
        set_ups: The names of its set-ups, the leanest first.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--set-up", choices=set_ups, default=set_ups[0])
    parser.add_argument("--sentences", type=int, default=3, help="of an answer")
    parser.add_argument("--sessions", type=int, default=1, help="that will come, for who has to know")
    return parser.parse_args()


def listener() -> socket.socket:
    """Return a listening socket on a free port of the loopback interface."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    listening.setblocking(False)
    return listening


async def stdin_ends() -> None:
    """Wait until whoever started this process closes its standard input."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def announce(listening: socket.socket) -> None:
    """Print the port, which tells whoever started this process that it serves."""
    print(listening.getsockname()[1], flush=True)


async def serve_asgi(app: Callable[..., Awaitable[Any]], listening: socket.socket) -> None:
    """Serve an ASGI application with uvicorn, quiet and without compression, until the standard input ends."""
    import uvicorn

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            announce(listening)

    config = uvicorn.Config(
        app, log_level="warning", access_log=False, ws="websockets-sansio", ws_per_message_deflate=False, lifespan="off"
    )
    server = Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    await stdin_ends()
    server.should_exit = server.force_exit = True
    await serving
