"""Frames without a connection: whatever the pieces they come in, the messages are those that were sent."""

import random
from itertools import pairwise

import pytest
from frames import BINARY, CONT, PING, TEXT, closing, frame
from hypothesis import given
from hypothesis import strategies as st
from troupe.services.gateway.framing import LARGE, Framing
from troupe.services.gateway.framing import frame as server_frame
from websockets.frames import apply_mask
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

LIMIT = 2**20


def framing(limit: int = LIMIT) -> Framing:
    return Framing(ServerProtocol(state=OPEN, max_size=limit))


def in_pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


def sent(message: str | bytes, cuts: list[int], ping: bool) -> bytes:
    """The frames of a message that is cut into fragments, with a ping behind the first of them."""
    opcode = TEXT if isinstance(message, str) else BINARY
    fragments = in_pieces(message.encode() if isinstance(message, str) else message, cuts) or [b""]
    out = b""
    for index, fragment in enumerate(fragments):
        out += frame(opcode if index == 0 else CONT, fragment, fin=index == len(fragments) - 1)
        if ping and index == 0:
            out += frame(PING, b"?")
    return out


CUTS = st.lists(st.integers(0, 400), max_size=4)
Fragmented = tuple[str | bytes, list[int], bool]
MESSAGES = st.lists(st.tuples(st.text(max_size=300) | st.binary(max_size=300), CUTS, st.booleans()), max_size=6)


@given(MESSAGES, st.lists(st.integers(0, 5000), max_size=12))
def test_messages_come_out_as_they_were_sent(messages: list[Fragmented], cuts: list[int]) -> None:
    wire = b"".join(sent(*each) for each in messages)
    ours = framing()
    received = [message for piece in in_pieces(wire, cuts) for message in ours.receive(piece)]
    assert received == [message for message, _, _ in messages]
    assert b"".join(ours.protocol.data_to_send()) == b"\x8a\x01?" * sum(ping for _, _, ping in messages)
    assert ours.open


@pytest.mark.parametrize("length", [125, 126, 65535, 65536, LARGE - 1, LARGE, LARGE + 7])
def test_all_lengths_in_one_piece_and_in_many(length: int) -> None:
    text = ("aé☃𝄞" * length)[:length].encode()[:length].decode(errors="ignore").ljust(length, "x")
    data = text.encode()
    wire = server_frame(data, text=True)
    header = wire[: len(wire) - len(data)]
    masked = bytes((header[0], header[1] | 0x80)) + header[2:] + b"mask" + apply_mask(data, b"mask")
    for size in (len(masked), 65_521):
        ours = framing()
        pieces = [masked[start : start + size] for start in range(0, len(masked), size)]
        assert [message for piece in pieces for message in ours.receive(piece)] == [text]


def test_what_is_too_large_is_refused_by_its_head_alone() -> None:
    for wire in (
        b"\x81\xff" + (2**63).to_bytes(8, "big") + b"mask",
        b"\x81\xff" + (LIMIT + 1).to_bytes(8, "big") + b"mask",
        frame(TEXT, b"x" * 600, fin=False) + b"\x80\xff" + LIMIT.to_bytes(8, "big") + b"mask",
    ):
        ours = framing()
        assert not ours.receive(wire)
        assert ours.protocol.close_sent is not None
        assert ours.protocol.close_sent.code in (1009, 1002)  # 1002: no length has its highest bit set


def test_very_many_fragments_take_as_much_memory_as_their_bytes() -> None:
    ours = framing(limit=5000)
    ours.receive(frame(TEXT, b"x", fin=False))
    for _ in range(20):
        assert not ours.receive(frame(CONT, b"x", fin=False) * 100 + frame(CONT, fin=False) * 1000)
    assert list(ours.receive(frame(CONT))) == ["x" * 2001]
    assert not ours.receive(frame(TEXT, b"x" * 3000, fin=False) + frame(CONT, b"x" * 2001))
    assert ours.protocol.close_sent is not None
    assert ours.protocol.close_sent.code == 1009


def test_bytes_that_are_no_text_end_the_connection_whichever_way_they_come() -> None:
    bad = b"\xce\xba\xed\xa0\x80"
    large = b"x" * LARGE + bad
    for pieces in (
        [frame(TEXT, bad)],
        [frame(TEXT, bad[:2], fin=False), frame(CONT, bad[2:])],
        [b"\x81\xff" + len(large).to_bytes(8, "big") + bytes(4), large],
    ):
        ours = framing()
        for piece in pieces:
            assert not ours.receive(piece)
        assert ours.protocol.close_sent is not None
        assert ours.protocol.close_sent.code == 1007


def test_malformed_frames_never_raise_and_are_never_kept() -> None:
    source = random.Random(1)
    for _ in range(3000):
        ours = framing(limit=10_000)
        for _ in range(4):
            noise, odd = source.randbytes(source.randrange(40)), frame(source.randrange(16), b"payload")
            ours.receive(source.choice((noise, odd)))
        assert len(ours._buffer) <= 10_014


def test_a_client_may_close_in_the_middle_of_a_message() -> None:
    ours = framing()
    ours.receive(frame(TEXT, b"begun", fin=False) + closing(1000))
    assert ours.protocol.close_sent is not None
    assert ours.protocol.close_sent.code == 1000
