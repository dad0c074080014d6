"""Connections: what is sent arrives in order, in few writes, however slow the stream is."""

import pytest
from anyio import Event, create_task_group, sleep_forever, wait_all_tasks_blocked
from msgspec import Raw
from troupe.runtime.errors import NotSendable, ProtocolError
from troupe.runtime.process import wire
from troupe.runtime.process.connection import Connection


class Narrow:
    """A stream in memory which takes a few bytes at a time, after it was given room."""

    def __init__(self, room: int = 1_000_000) -> None:
        self.room = room
        self.written: list[bytes] = []
        self.incoming: list[bytes] = []
        self.closed = False
        self._has_room = Event()

    def give(self, room: int) -> None:
        self.room += room
        self._has_room.set()

    def send_nowait(self, data: bytearray) -> int:
        sent = min(self.room, len(data))
        self.room -= sent
        if sent:
            self.written.append(bytes(data[:sent]))
        return sent

    async def wait_sendable(self) -> None:
        self._has_room = Event()
        await self._has_room.wait()

    async def receive(self, expected: int) -> bytes:
        if self.incoming:
            return self.incoming.pop(0)
        await sleep_forever()
        raise AssertionError

    def close(self) -> None:
        self.closed = True


def frames(stream: Narrow) -> list[int]:
    return [frame.id for frame in wire.Unpacker(wire.FromWorker, 1000).feed(b"".join(stream.written))]


async def test_a_frame_goes_out_at_once() -> None:
    stream = Narrow()
    connection = Connection(stream, wire.ToWorker)
    connection.send(wire.Reply(1))
    assert frames(stream) == [1]


async def test_frames_that_announce_more_go_out_together() -> None:
    stream = Narrow()
    connection = Connection(stream, wire.ToWorker)
    async with create_task_group() as tasks:
        tasks.start_soon(connection.write)
        await wait_all_tasks_blocked()
        for number in range(5):
            connection.send(wire.Reply(number), more=True)
        assert stream.written == []
        await wait_all_tasks_blocked()
        assert len(stream.written) == 1
        connection.send(wire.Reply(5), more=True)
        connection.send(wire.Reply(6))
        assert len(stream.written) == 2
        tasks.cancel_scope.cancel()
    assert frames(stream) == list(range(7))


async def test_a_narrow_stream_gets_all_of_it_in_order() -> None:
    stream = Narrow(room=3)
    connection = Connection(stream, wire.ToWorker)
    async with create_task_group() as tasks:
        tasks.start_soon(connection.write)
        for number in range(10):
            connection.send(wire.Reply(number), more=number % 2 == 0)
        while len(b"".join(stream.written)) < 10 * len(wire.pack(wire.Reply(1), 100)):
            await wait_all_tasks_blocked()
            stream.give(7)
        tasks.cancel_scope.cancel()
    assert frames(stream) == list(range(10))


async def test_what_was_sent_before_the_writer_runs_is_not_forgotten() -> None:
    stream = Narrow(room=0)
    connection = Connection(stream, wire.ToWorker)
    connection.send(wire.Reply(1))
    async with create_task_group() as tasks:
        tasks.start_soon(connection.write)
        await wait_all_tasks_blocked()
        stream.give(100)
        await wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert frames(stream) == [1]


async def test_flush_waits_until_all_is_out() -> None:
    stream = Narrow(room=0)
    connection = Connection(stream, wire.ToWorker)
    connection.send(wire.Reply(1))
    async with create_task_group() as tasks:
        tasks.start_soon(connection.flush)
        await wait_all_tasks_blocked()
        stream.give(100)
    assert frames(stream) == [1]


async def test_a_frame_that_is_too_long_leaves_no_trace() -> None:
    stream = Narrow()
    connection = Connection(stream, wire.ToWorker, max_frame=100)
    with pytest.raises(NotSendable):
        connection.send(wire.Reply(1, Raw(b"\xc4\xc8" + bytes(200))))
    connection.send(wire.Reply(2))
    assert frames(stream) == [2]


async def test_receiving_returns_all_frames_that_came_and_nothing_at_the_end() -> None:
    stream = Narrow()
    connection = Connection(stream, wire.ToWorker)
    data = b"".join(wire.pack(wire.Cancel(number), 100) for number in range(3))
    stream.incoming = [data[:2], data[2:-1], data[-1:], b""]
    assert await connection.receive() == [wire.Cancel(0), wire.Cancel(1)]
    assert await connection.receive() == [wire.Cancel(2)]
    assert connection.heard == 3
    assert await connection.receive() == []


async def test_garbage_is_a_protocol_error() -> None:
    stream = Narrow()
    stream.incoming = [b"\xff" * 10]
    with pytest.raises(ProtocolError):
        await Connection(stream, wire.ToWorker).receive()


def test_closing_closes_the_stream() -> None:
    stream = Narrow()
    Connection(stream, wire.ToWorker).close()
    assert stream.closed
