"""The server under load: Troupe's own with providers that answer at once, or a bare echo as the floor.

Prints the port it listens on, and ends with its standard input; where it is two workers, with a SIGTERM.
"""

import argparse
import asyncio
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import uvloop
import websockets.asyncio.server
from anyio import create_task_group
from troupe.actors.voice.activity import Activity
from troupe.actors.voice.services import DELTA, Services
from troupe.runtime import Strategy, child, open_system, supervisor
from troupe.services.gateway.app import Gateway
from troupe.services.gateway.launch import serve
from troupe.services.gateway.limits import Limits
from troupe.services.gateway.listening import listening_socket
from troupe.services.gateway.server import Server, Serving, spare_collector
from troupe.services.voice import VoiceSystem
from websockets.exceptions import ConnectionClosedOK

sys.path.insert(0, str(Path(__file__).parents[1]))

from load.providers import InstantModel, InstantRecogniser, InstantSynthesizer

LIMITS = Limits(max_sessions=5000, max_lag=60.0, half_open=5000, half_open_per_address=5000)


def voice_system(sentences: int, delta: float):
    """Return what opens a voice system with instant providers; audio goes out in events of `delta` seconds at most."""

    @asynccontextmanager
    async def system() -> AsyncGenerator[VoiceSystem]:
        providers = supervisor(
            "providers",
            child(InstantRecogniser, name="recogniser"),
            child(InstantModel, sentences, name="model"),
            child(InstantSynthesizer, name="synthesizer"),
        )
        sessions = supervisor("sessions", strategy=Strategy.DYNAMIC, max_children=5000)
        async with Activity.open() as activity, open_system(providers, sessions) as running:
            services = Services(
                recogniser=running.ref("providers/recogniser"),
                model=running.ref("providers/model"),
                synthesizer=running.ref("providers/synthesizer"),
                activity=activity,
                delta=delta,
            )
            yield VoiceSystem(running, running.supervisor("sessions"), services)

    return system


def gateway(sentences: int, delta: float) -> Gateway:
    """Return a gateway that lets everybody in."""
    return Gateway(system=voice_system(sentences, delta), limits=LIMITS)


def serve_workers(sentences: int, delta: float) -> None:
    """Serve as `troupe serve --workers 2` does."""
    listener = listening_socket("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)  # who connects before the workers are ready waits in its backlog
    serve(lambda: gateway(sentences, delta), listener, Serving(limits=LIMITS, drain=0), workers=2)


async def serve_troupe(sentences: int, delta: float) -> None:
    """Serve as `troupe serve` does."""
    listener = listening_socket("127.0.0.1", 0)
    server = Server(gateway(sentences, delta), Serving(limits=LIMITS))

    def ready() -> None:
        spare_collector()
        print(listener.getsockname()[1], flush=True)

    async with create_task_group() as tasks:
        tasks.start_soon(server.run, [listener], ready)
        await stdin_ends()
        server.end(patience=0)


async def serve_echo() -> None:
    """Send back every message."""

    async def echo(socket: websockets.asyncio.server.ServerConnection) -> None:
        with suppress(ConnectionClosedOK):  # the client does not wait for what is on its way
            async for message in socket:
                await socket.send(message)

    async with websockets.asyncio.server.serve(echo, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await stdin_ends()


async def stdin_ends() -> None:
    """Wait until whoever started this process closes its standard input."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["troupe", "workers", "echo"])
    parser.add_argument("--sentences", type=int, default=20)
    parser.add_argument("--delta", type=float, default=DELTA, help="seconds of audio in an event, at most")
    parser.add_argument("--sessions", type=int, help="that will come; it makes no difference")
    parser.add_argument("--profile", default=None)
    arguments = parser.parse_args()
    if arguments.kind == "workers":
        serve_workers(arguments.sentences, arguments.delta)
        sys.exit()
    serving = serve_echo() if arguments.kind == "echo" else serve_troupe(arguments.sentences, arguments.delta)
    if arguments.profile:
        import cProfile

        profiler = cProfile.Profile()
        profiler.enable()
        try:
            uvloop.run(serving)
        finally:
            profiler.disable()
            profiler.dump_stats(arguments.profile)
    else:
        uvloop.run(serving)
