"""Actors in worker processes, beside a bare anyio socket that echoes the same bytes.

Workers import this module, so the actor and its messages stand at module level.
"""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable

import anyio
from anyio.abc import UNIXSocketStream
from harness import Row, at_most, percentile
from troupe.runtime import Actor, Request, Sender, StreamRequest, child, open_system
from troupe.runtime.process import Process

BACKENDS = {
    "uvloop": ("asyncio", {"use_uvloop": True}),
    "asyncio": ("asyncio", {}),
    "trio": ("trio", {}),
}
SIZE = 2048
"""Bytes that go there and back."""


class Echo(Request[bytes], frozen=True):
    data: bytes


class Numbers(StreamRequest[int], frozen=True):
    count: int


class Service(Actor):
    max_concurrency = 64

    async def echo(self, request: Echo) -> bytes:
        return request.data

    async def numbers(self, request: Numbers, replies: Sender[int]) -> None:
        for number in range(request.count):
            await replies.send(number)


def rows(*, quick: bool) -> list[Row]:
    backends = ["uvloop"] if quick else list(BACKENDS)
    return [row for backend in backends for row in _rows(backend, quick=quick)]


def _rows(backend: str, *, quick: bool) -> list[Row]:
    name, options = BACKENDS[backend]
    return anyio.run(_measure, backend, quick, backend=name, backend_options=options)


async def _measure(backend: str, quick: bool) -> list[Row]:
    rounds, calls = (2, 20) if quick else (30, 200)
    ours, theirs = socket.socketpair()
    command = [sys.executable, __file__, backend, str(theirs.fileno())]
    with subprocess.Popen(command, pass_fds=[theirs.fileno()]) as floor, theirs:  # noqa: ASYNC220  (before it starts)
        theirs.close()
        bare = await UNIXSocketStream.from_socket(ours)
        one = child(Service, name="one", max_concurrency=1, host=Process())
        many = child(Service, name="many", host=Process(prefetch=64))
        async with bare, open_system(one, many) as system:
            ref, busy = system.ref("one"), system.ref("many")
            data = os.urandom(SIZE)

            async def echo() -> None:
                await bare.send(data)
                received = 0
                while received < SIZE:
                    received += len(await bare.receive())

            async def ask() -> None:
                await ref.ask(Echo(data))

            floors: list[float] = []
            asks: list[float] = []
            await _times(echo, calls)  # to warm up
            await _times(ask, calls)
            for _ in range(rounds):
                floors += await _times(echo, calls)
                asks += await _times(ask, calls)

            async def ask_busy() -> None:
                for _ in range(calls):
                    await busy.ask(Echo(data))

            began = time.perf_counter()
            async with anyio.create_task_group() as tasks:
                for _ in range(64):
                    tasks.start_soon(ask_busy)
            throughput = 64 * calls / (time.perf_counter() - began)

            count = 1_000 if quick else 100_000
            began = time.perf_counter()
            async with ref.stream(Numbers(count)) as numbers:
                async for _ in numbers:
                    pass
            items = count / (time.perf_counter() - began)
        floor.wait()
    return [
        at_most(
            1.5,
            what=f"ask across processes, 2 KB, p50, {backend}",
            value=percentile(asks, 0.5) * 1e6,
            floor=percentile(floors, 0.5) * 1e6,
            unit="µs",
            floor_name="bare anyio Unix-socket echo",
        ),
        Row(what=f"the same, 64 callers at a time, {backend}", value=throughput, unit="asks/s"),
        Row(what=f"stream of small items across processes, {backend}", value=items, unit="items/s"),
    ]


async def _times(call: Callable[[], Awaitable[None]], count: int) -> list[float]:
    times: list[float] = []
    for _ in range(count):
        began = time.perf_counter()
        await call()
        times.append(time.perf_counter() - began)
    return times


async def _echo(descriptor: int) -> None:
    stream = await UNIXSocketStream.from_socket(socket.socket(fileno=descriptor))
    async for data in stream:
        await stream.send(data)


if __name__ == "__main__":
    name, options = BACKENDS[sys.argv[1]]
    anyio.run(_echo, int(sys.argv[2]), backend=name, backend_options=options)
