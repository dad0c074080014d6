"""The wire format: whatever the cuts, the same frames; whatever the garbage, a ProtocolError and nothing else."""

import math
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from troupe.runtime.errors import NotSendable, ProtocolError
from troupe.runtime.process import wire

LIMIT = 1_000_000

FAULT = wire.Fault("builtins:KeyError", ["key"], {"code": 7}, "Traceback ...")
TO_WORKER = [
    wire.Start(["/lib"], ("path", "/app.py"), "app:make", "app:Actor", Raw(b"\x90"), "actor", 5.0, 1, ["app:Ask"]),
    wire.Begin(1, 0, 4.5, 0, Raw(b"\x80")),
    wire.Begin(2, 0, math.inf, 64, Raw(b"\xc4\x02hi")),
    wire.Items(2, [Raw(b"\x01"), Raw(b"\xc0")]),
    wire.Credit(2, 16),
    wire.Finish(2),
    wire.Cancel(2),
    wire.Ping(),
    wire.Stop(drain=True),
]
FROM_WORKER = [
    wire.Hello(wire.VERSION, "token"),
    wire.Ready(),
    wire.Reply(1),
    wire.Reply(2, Raw(b"\xc4\x02hi")),
    wire.Failure(3, FAULT),
    wire.Refused(4),
    wire.Died(5),
    wire.Items(6, [Raw(b"\x01")]),
    wire.Credit(6, 1),
    wire.Stopping(None),
    wire.Stopping(FAULT),
    wire.Suppressed("builtins.KeyError", "app.py:1"),
    wire.Pong(),
    wire.Ended("normal", 7),
    wire.Ended(FAULT, 7),
]


def test_every_frame_is_among_the_examples() -> None:
    assert {type(frame) for frame in TO_WORKER} == set(get_args(wire.ToWorker))
    assert {type(frame) for frame in FROM_WORKER} == set(get_args(wire.FromWorker))


def plain(frames: list) -> list:
    """Frames with bytes in place of `Raw`, which does not compare."""
    return [msgspec.msgpack.decode(wire.pack(frame, LIMIT)[4:]) for frame in frames]


def stream_of(frames: list) -> bytes:
    return b"".join(wire.pack(frame, LIMIT) for frame in frames)


@pytest.mark.parametrize(
    ("union", "frames"), [(wire.ToWorker, TO_WORKER), (wire.FromWorker, FROM_WORKER)], ids=["to", "from"]
)
def test_all_frames_at_once_and_cut_at_every_byte(union: object, frames: list) -> None:
    data = stream_of(frames)
    assert plain(wire.Unpacker(union, LIMIT).feed(data)) == plain(frames)
    for cut in range(len(data) + 1):
        unpacker = wire.Unpacker(union, LIMIT)
        assert plain(unpacker.feed(data[:cut]) + unpacker.feed(data[cut:])) == plain(frames)
    unpacker = wire.Unpacker(union, LIMIT)
    assert plain([frame for byte in data for frame in unpacker.feed(bytes([byte]))]) == plain(frames)


@given(st.lists(st.integers(0, len(FROM_WORKER) - 1)), st.data())
def test_any_cuts_give_the_same_frames(numbers: list[int], data: st.DataObject) -> None:
    frames = [FROM_WORKER[number] for number in numbers]
    rest = stream_of(frames)
    unpacker = wire.Unpacker(wire.FromWorker, LIMIT)
    received = []
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        received += unpacker.feed(rest[:size])
        rest = rest[size:]
    assert plain(received) == plain(frames)


def test_missing_never_asks_for_more_than_the_frame() -> None:
    data = wire.pack(wire.Reply(1, Raw(b"\xc5\x03\xe8" + b"x" * 1000)), LIMIT)
    unpacker = wire.Unpacker(wire.FromWorker, LIMIT)
    assert unpacker.missing == 1
    for cut in range(1, len(data)):
        assert unpacker.feed(data[cut - 1 : cut]) == []
        assert 1 <= unpacker.missing <= len(data) - cut
        if cut > 4:
            assert unpacker.missing == len(data) - cut
    assert len(unpacker.feed(data[-1:])) == 1
    assert unpacker.missing == 1


def test_the_other_sides_frames_are_not_ours() -> None:
    with pytest.raises(ProtocolError, match="makes no sense"):
        wire.Unpacker(wire.FromWorker, LIMIT).feed(wire.pack(wire.Ping(), LIMIT))
    with pytest.raises(ProtocolError, match="makes no sense"):
        wire.Unpacker(wire.ToWorker, LIMIT).feed(wire.pack(wire.Pong(), LIMIT))


def test_credit_is_positive() -> None:
    with pytest.raises(ProtocolError, match="Expected `int` >= 1"):
        wire.Unpacker(wire.ToWorker, LIMIT).feed(wire.pack(wire.Credit(1, 0), LIMIT))


def test_long_frames_are_neither_packed_nor_awaited() -> None:
    frame = wire.Reply(1, Raw(b"\xc4\xff" + b"x" * 255))
    data = wire.pack(frame, 300)
    with pytest.raises(NotSendable, match=r"260 bytes are more than the 259 that Process\(max_frame=...\) allows"):
        wire.pack(frame, 259)
    with pytest.raises(ProtocolError, match="claims to have 260 bytes; the limit is 259"):
        wire.Unpacker(wire.FromWorker, 259).feed(data[:4])
    assert len(wire.Unpacker(wire.FromWorker, 260).feed(data)) == 1


def test_nesting_without_end() -> None:
    body = b"\x92\x16\x01"[:2] + b"\x91" * 500_000
    with pytest.raises(ProtocolError):
        wire.Unpacker(wire.FromWorker, LIMIT).feed(len(body).to_bytes(4, "little") + body)


@given(st.binary(max_size=200))
def test_garbage_is_a_protocol_error_or_waits_for_more(garbage: bytes) -> None:
    feed_garbage(garbage)


@given(st.sampled_from(TO_WORKER + FROM_WORKER), st.data())
def test_damaged_frames_are_a_protocol_error_or_frames(frame: wire.Frame, data: st.DataObject) -> None:
    damaged = bytearray(wire.pack(frame, LIMIT))
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    feed_garbage(bytes(damaged))


@given(st.recursive(st.none() | st.booleans() | st.integers(0, 30) | st.text(max_size=5), st.lists, max_leaves=10))
def test_msgpack_that_is_no_frame_is_a_protocol_error_or_a_frame(value: object) -> None:
    body = msgspec.msgpack.encode(value)
    feed_garbage(len(body).to_bytes(4, "little") + body)


def feed_garbage(garbage: bytes) -> None:
    for union in (wire.ToWorker, wire.FromWorker):
        try:
            frames = wire.Unpacker(union, LIMIT).feed(garbage)
        except ProtocolError:
            continue
        assert all(isinstance(frame, get_args(union)) for frame in frames)
