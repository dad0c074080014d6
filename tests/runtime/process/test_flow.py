"""Credit: a slow reader stops the writer, nothing is lost or doubled, and the order stays."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from anyio import create_task_group, wait_all_tasks_blocked
from anyio.lowlevel import checkpoint
from msgspec import ValidationError
from msgspec.msgpack import Decoder
from troupe.runtime.channel import Channel
from troupe.runtime.errors import NotSendable, ProtocolError
from troupe.runtime.process import wire
from troupe.runtime.process.flow import BATCH, Inflow, Outflow
from troupe.runtime.process.vocabulary import encode


class Wire:
    """Stands for a connection: keeps what is sent until it is passed on."""

    def __init__(self) -> None:
        self.sent: list[wire.Frame] = []

    def send(self, frame: wire.Frame, *, more: bool = False) -> None:
        self.sent.append(frame)

    def take(self) -> list[wire.Frame]:
        sent, self.sent = self.sent, []
        return sent


class Pipe:
    """A channel on each side, and what is between them."""

    def __init__(self, buffer: int, tasks) -> None:
        self.there, self.back = Wire(), Wire()
        self.source, self.sink = Channel[int](buffer), Channel[int](buffer)
        self.outflow = Outflow(self.there, 1, buffer, self.source)
        self.inflow = Inflow(self.back, 1, buffer, self.sink, Decoder(int).decode, tasks)
        self.ended = False
        tasks.start_soon(self.run)

    async def run(self) -> None:
        assert await self.outflow.run() is None
        self.ended = True

    def pass_on(self) -> None:
        for frame in self.there.take():
            self.inflow.push(frame)
        for frame in self.back.take():
            self.outflow.grant(frame.count)

    async def settle(self) -> None:
        while True:
            await wait_all_tasks_blocked()
            if not (self.there.sent or self.back.sent):
                return
            self.pass_on()


@asynccontextmanager
async def pipe(buffer: int) -> AsyncIterator[Pipe]:
    async with create_task_group() as tasks:
        yield Pipe(buffer, tasks)
        tasks.cancel_scope.cancel()


@pytest.mark.virtual
@pytest.mark.parametrize("buffer", [1, 2, 5, 64])
async def test_a_reader_that_does_not_read_stops_the_writer(buffer: int) -> None:
    async with pipe(buffer) as between, create_task_group() as tasks:
        sent = 0

        async def send() -> None:
            nonlocal sent
            while True:
                await between.source.send(sent)
                sent += 1

        tasks.start_soon(send)
        await between.settle()
        assert len(between.sink) == buffer
        assert sent <= 2 * buffer + 2 * min(buffer, wire.WINDOW)
        for number in range(300):
            assert await between.sink.receive() == number
            await between.settle()
        tasks.cancel_scope.cancel()


async def test_a_fast_reader_needs_no_task_and_gets_items_in_batches() -> None:
    async with pipe(64) as between:
        for number in range(20):
            await between.source.send(number)
        await wait_all_tasks_blocked()
        (frame,) = between.there.sent
        assert isinstance(frame, wire.Items)
        assert len(frame.items) == 20
        await between.settle()
        assert [await between.sink.receive() for _ in range(20)] == list(range(20))


async def test_long_items_go_out_one_by_one() -> None:
    source = Channel[bytes](64)
    for _ in range(3):
        source.send_nowait(b"x" * BATCH)
    for _ in range(3):
        source.send_nowait(b"x" * (BATCH // 2))
    source.close()
    between = Wire()
    assert await Outflow(between, 1, 64, source).run() is None
    assert [len(frame.items) for frame in between.sent] == [1, 1, 1, 2, 1]


@pytest.mark.parametrize("seed", range(5))
async def test_any_interleaving_keeps_all_items_in_order(seed: int) -> None:
    chance = random.Random(seed)
    async with pipe(chance.randint(1, 40)) as between, create_task_group() as tasks:

        async def send() -> None:
            for number in range(400):
                await between.source.send(number)
                if chance.random() < 0.3:
                    await checkpoint()
            between.source.close()

        async def carry() -> None:
            while True:
                between.pass_on()
                await checkpoint()

        tasks.start_soon(send)
        tasks.start_soon(carry)
        for number in range(400):
            if chance.random() < 0.1:
                for _ in range(chance.randint(1, 20)):
                    await checkpoint()
            assert await between.sink.receive() == number
        await wait_until(lambda: between.ended)
        tasks.cancel_scope.cancel()


async def wait_until(condition) -> None:
    while not condition():
        await checkpoint()


async def test_at_the_end_what_waits_goes_into_the_channel_however_full_it_is() -> None:
    async with create_task_group() as tasks:
        sink = Channel[int](1)
        inflow = Inflow(Wire(), 1, 4, sink, Decoder(int).decode, tasks)
        inflow.push(wire.Items(1, [encode(number) for number in range(4)]))
        await wait_all_tasks_blocked()
        assert len(sink) == 1
        inflow.finish()
        sink.close()
    assert [item async for item in sink] == [0, 1, 2, 3]


async def test_items_for_a_reader_who_left_are_dropped() -> None:
    async with create_task_group() as tasks:
        between = Wire()
        sink = Channel[int](1)
        inflow = Inflow(between, 1, 4, sink, Decoder(int).decode, tasks)
        inflow.push(wire.Items(1, [encode(number) for number in range(3)]))
        await wait_all_tasks_blocked()
        sink.break_off()
        await wait_all_tasks_blocked()
        inflow.push(wire.Items(1, [encode(3)]))
        await wait_all_tasks_blocked()
        inflow.finish()
    assert len(sink) == 0


async def test_more_items_than_credit_are_a_protocol_error() -> None:
    async with create_task_group() as tasks:
        inflow = Inflow(Wire(), 1, 3, Channel[int](1), Decoder(int).decode, tasks)
        inflow.push(wire.Items(1, [encode(number) for number in range(3)]))
        with pytest.raises(ProtocolError, match="more than 3 items came without credit"):
            inflow.push(wire.Items(1, [encode(3), encode(4)]))
        tasks.cancel_scope.cancel()


async def test_items_of_a_wrong_type_are_refused() -> None:
    async with create_task_group() as tasks:
        inflow = Inflow(Wire(), 1, 3, Channel[int](1), Decoder(int).decode, tasks)
        with pytest.raises(ValidationError):
            inflow.push(wire.Items(1, [encode("one")]))


async def test_an_item_that_is_no_data_ends_the_outflow() -> None:
    source = Channel[object](1)
    source.send_nowait(object())
    with pytest.raises(NotSendable):
        await Outflow(Wire(), 1, 1, source).run()


async def test_an_error_that_closes_the_channel_ends_the_outflow_after_the_items() -> None:
    source = Channel[int](3)
    source.send_nowait(1)
    error = KeyError("why")
    source.close(error)
    between = Wire()
    assert await Outflow(between, 1, 3, source).run() is error
    assert len(between.sent) == 1
