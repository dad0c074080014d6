"""The actor runtime against bare queues, channels and tasks of the same event loop, all in one process, on one core."""

import asyncio
import gc
import os
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import anyio
import trio
from anyio.lowlevel import checkpoint
from harness import Row, at_least, at_most, interleaved, percentile
from troupe.runtime import (
    NO_BACKOFF,
    Actor,
    Message,
    Request,
    Restart,
    Sender,
    Strategy,
    StreamRequest,
    child,
    open_system,
    supervisor,
)

CAPACITY = 1024


class Add(Message, frozen=True):
    amount: int


class Total(Request[int], frozen=True):
    pass


class Numbers(StreamRequest[int], frozen=True):
    count: int


class Endless(StreamRequest[int], frozen=True):
    pass


class Spin(Message, frozen=True):
    pass


class Crash(Message, frozen=True):
    pass


class Worker(Actor):
    """Does a little of everything."""

    capacity = CAPACITY
    gone_at = 0.0

    def __init__(self) -> None:
        self.total = 0

    def add(self, message: Add) -> None:
        self.total += message.amount

    def report(self, request: Total) -> int:
        return self.total

    async def count(self, request: Numbers, replies: Sender[int]) -> None:
        for number in range(request.count):
            await replies.send(number)

    async def endless(self, request: Endless, replies: Sender[int]) -> None:
        try:
            await replies.send(0)
            await anyio.sleep_forever()
        finally:
            Worker.gone_at = time.perf_counter()

    async def spin(self, message: Spin) -> None:
        while True:
            await anyio.sleep(0.05)

    def crash(self, message: Crash) -> None:
        raise ValueError("on purpose")


def on_uvloop(function: Callable[..., Awaitable[float]], *arguments: Any) -> float:
    return anyio.run(function, *arguments, backend_options={"use_uvloop": True})


def on_trio(function: Callable[..., Awaitable[float]], *arguments: Any) -> float:
    return anyio.run(function, *arguments, backend="trio")


# -- tell ----------------------------------------------------------------------------------------------------------


async def queue_throughput(count: int) -> float:
    queue: asyncio.Queue[int] = asyncio.Queue(CAPACITY)

    async def put() -> None:
        for number in range(count):
            await queue.put(number)

    start = time.perf_counter()
    putting = asyncio.create_task(put())
    for _ in range(count):
        await queue.get()
    await putting
    return count / (time.perf_counter() - start)


async def tell_throughput(count: int) -> float:
    async with open_system(child(Worker, name="worker")) as system:
        ref, message = system.ref("worker"), Add(1)
        start = time.perf_counter()
        for _ in range(count):
            await ref.tell(message)
        assert await ref.ask(Total()) == count
        return count / (time.perf_counter() - start)


# -- ask, in microseconds ------------------------------------------------------------------------------------------


async def ask_time(count: int) -> float:
    async with open_system(child(Worker, name="worker")) as system:
        ref = system.ref("worker")
        start = time.perf_counter()
        for _ in range(count):
            await ref.ask(Total())
        return (time.perf_counter() - start) / count * 1e6


async def queue_ask_time(count: int) -> float:
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[asyncio.Future[int]] = asyncio.Queue(CAPACITY)

    async def serve() -> None:
        while True:
            (await queue.get()).set_result(1)

    server = asyncio.create_task(serve())
    start = time.perf_counter()
    for _ in range(count):
        future: asyncio.Future[int] = loop.create_future()
        await queue.put(future)
        await future
    server.cancel()
    return (time.perf_counter() - start) / count * 1e6


async def stream_ask_time(count: int) -> float:
    there, requests = anyio.create_memory_object_stream[int](CAPACITY)
    replies, back = anyio.create_memory_object_stream[int](CAPACITY)

    async def serve() -> None:
        async for request in requests:
            await replies.send(request)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(serve)
        start = time.perf_counter()
        for number in range(count):
            await there.send(number)
            await back.receive()
        spent = time.perf_counter() - start
        tasks.cancel_scope.cancel()
    for stream in (there, requests, replies, back):
        stream.close()
    return spent / count * 1e6


async def trio_ask_time(count: int) -> float:
    there, requests = trio.open_memory_channel[int](CAPACITY)
    replies, back = trio.open_memory_channel[int](CAPACITY)

    async def serve() -> None:
        async for request in requests:
            await replies.send(request)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(serve)
        start = time.perf_counter()
        for number in range(count):
            await there.send(number)
            await back.receive()
        spent = time.perf_counter() - start
        nursery.cancel_scope.cancel()
    return spent / count * 1e6


async def trio_channel_throughput(count: int) -> float:
    sending, receiving = trio.open_memory_channel[int](CAPACITY)

    async def put() -> None:
        for number in range(count):
            await sending.send(number)

    async with trio.open_nursery() as nursery:
        start = time.perf_counter()
        nursery.start_soon(put)
        for _ in range(count):
            await receiving.receive()
        return count / (time.perf_counter() - start)


# -- streams -------------------------------------------------------------------------------------------------------


async def stream_throughput(count: int) -> float:
    async with open_system(child(Worker, name="worker")) as system:
        start = time.perf_counter()
        async with system.ref("worker").stream(Numbers(count)) as numbers:
            received = 0
            async for _ in numbers:
                received += 1
        assert received == count
        return count / (time.perf_counter() - start)


async def cancel_p99(rounds: int, busy: int) -> float:
    """Milliseconds from leaving the block until the handler's cleanup has run."""
    workers = [child(Worker, name=f"busy{number}") for number in range(busy)]
    async with open_system(*workers, child(Worker, name="streaming")) as system:
        for number in range(busy):
            await system.ref(f"busy{number}").tell(Spin())
        ref, times = system.ref("streaming"), list[float]()
        for _ in range(rounds):
            async with ref.stream(Endless()) as replies:
                await replies.receive()
                Worker.gone_at = 0.0
                left = time.perf_counter()
            while not Worker.gone_at:
                await checkpoint()
            times.append(1e3 * (Worker.gone_at - left))
        system.kill()
        return percentile(times, 0.99)


# -- lives ---------------------------------------------------------------------------------------------------------


async def spawn_time(count: int) -> float:
    """Microseconds from start_child to ready, and for the stop."""
    spec = child(Worker, name="worker", restart=Restart.TEMPORARY)
    async with open_system(supervisor("dynamic", strategy=Strategy.DYNAMIC)) as system:
        parent = system.root
        start = time.perf_counter()
        for _ in range(count):
            await parent.start_child(spec)
            await parent.stop_child("worker")
        return (time.perf_counter() - start) / count * 1e6


async def task_time(count: int) -> float:
    """Microseconds to start a task in a task group of its own, hear that it is there, cancel it and be done with it."""

    async def work(*, task_status: anyio.abc.TaskStatus[None]) -> None:
        task_status.started()
        await anyio.sleep_forever()

    start = time.perf_counter()
    for _ in range(count):
        async with anyio.create_task_group() as tasks:
            await tasks.start(work)
            tasks.cancel_scope.cancel()
    return (time.perf_counter() - start) / count * 1e6


async def restart_p99(rounds: int) -> float:
    """Milliseconds from telling an actor what crashes it to the next incarnation's answer."""
    spec = child(Worker, name="worker", backoff=NO_BACKOFF)
    async with open_system(spec, intensity=10 * rounds, on_event=lambda _: None) as system:
        ref, times = system.ref("worker"), list[float]()
        for _ in range(rounds):
            start = time.perf_counter()
            await ref.tell(Crash())
            await ref.ask(Total())
            times.append(1e3 * (time.perf_counter() - start))
        return percentile(times, 0.99)


async def actor_memory(count: int) -> float:
    """KiB for each idle actor."""
    async with open_system(supervisor("dynamic", strategy=Strategy.DYNAMIC, max_children=count)) as system:
        specs = [child(Worker, name=f"worker{number}") for number in range(count)]
        return await _memory(count, partial(_start_all, system.root, specs))


async def _start_all(parent: Any, specs: list[Any]) -> None:
    for spec in specs:
        await parent.start_child(spec)


async def task_memory(count: int) -> float:
    """KiB for each task that waits on a queue of its own."""
    queues = list[asyncio.Queue[int]]()

    async with anyio.create_task_group() as tasks:

        async def start() -> None:
            for _ in range(count):
                queue: asyncio.Queue[int] = asyncio.Queue(CAPACITY)
                queues.append(queue)
                tasks.start_soon(queue.get)
            await anyio.sleep(0.01)

        used = await _memory(count, start)
        tasks.cancel_scope.cancel()
    return used


async def _memory(count: int, start: Callable[[], Awaitable[None]]) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        await start()
        gc.collect()
        return (tracemalloc.get_traced_memory()[0] - before) / count / 1024
    finally:
        tracemalloc.stop()


def rows(*, quick: bool) -> list[Row]:
    """Measure all of it; on Linux everything stays on one core."""
    many, some, few, rounds = (2_000, 200, 20, 1) if quick else (200_000, 20_000, 1_000, 5)
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None
    if affinity is not None:
        os.sched_setaffinity(0, {max(affinity)})
    try:
        return list(_rows(many, some, few, rounds))
    finally:
        if affinity is not None:
            os.sched_setaffinity(0, affinity)


def _rows(many: int, some: int, few: int, rounds: int) -> list[Row]:
    def compare(*measures: Callable[[], float]) -> list[float]:
        return interleaved(*measures, rounds=rounds)

    tell, queue = compare(partial(on_uvloop, tell_throughput, many), partial(on_uvloop, queue_throughput, many))
    ask, queue_ask, stream_ask = compare(
        partial(on_uvloop, ask_time, some),
        partial(on_uvloop, queue_ask_time, some),
        partial(on_uvloop, stream_ask_time, some),
    )
    trio_tell, trio_channel = compare(
        partial(on_trio, tell_throughput, many // 4), partial(on_trio, trio_channel_throughput, many // 4)
    )
    trio_ask, trio_pair = compare(partial(on_trio, ask_time, some), partial(on_trio, trio_ask_time, some))
    (stream,) = compare(partial(on_uvloop, stream_throughput, many))
    (stream_trio,) = compare(partial(on_trio, stream_throughput, many // 4))
    spawn, task = compare(partial(on_uvloop, spawn_time, few), partial(on_uvloop, task_time, few))
    memory, bare = compare(partial(on_uvloop, actor_memory, few), partial(on_uvloop, task_memory, few))
    (cancelled,) = compare(partial(on_uvloop, cancel_p99, few, few))
    (restarted,) = compare(partial(on_uvloop, restart_p99, few))
    return [
        at_least(1.3, what="tell, uvloop", value=tell, unit="1/s", floor=queue, floor_name="asyncio.Queue"),
        at_most(2, what="ask, uvloop", value=ask, unit="µs", floor=queue_ask, floor_name="asyncio.Queue and futures"),
        at_most(0.5, what="ask, uvloop", value=ask, unit="µs", floor=stream_ask, floor_name="anyio memory streams"),
        at_least(1, what="tell, trio", value=trio_tell, unit="1/s", floor=trio_channel, floor_name="trio channel"),
        at_most(1.2, what="ask, trio", value=trio_ask, unit="µs", floor=trio_pair, floor_name="two trio channels"),
        _least("stream, uvloop", stream, "1/s", 500_000),
        _least("stream, trio", stream_trio, "1/s", 500_000),
        at_most(
            5, what="spawn to ready, and stop", value=spawn, unit="µs", floor=task, floor_name="task in a task group"
        ),
        at_most(2, what="memory per idle actor", value=memory, unit="KiB", floor=bare, floor_name="task on a queue"),
        _most("cancel of a stream, p99, 1,000 actors busy", cancelled, "ms", 1),
        _most("crash to answering again, p99", restarted, "ms", 5),
    ]


def _least(what: str, value: float, unit: str, goal: float) -> Row:
    return Row(what=what, value=value, unit=unit, goal=f"≥ {goal:,g} {unit}", met=value >= goal)


def _most(what: str, value: float, unit: str, goal: float) -> Row:
    return Row(what=what, value=value, unit=unit, goal=f"≤ {goal:,g} {unit}", met=value <= goal)
