"""The frames, with the `websockets` package's protocol on the other side."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.services.bench.frames import BINARY, PING, TEXT, FrameReader, frame
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side

SIZES = st.one_of(st.integers(0, 130), st.sampled_from([65_535, 65_536]))


@settings(max_examples=30)
@given(size=SIZES, opcode=st.sampled_from([TEXT, BINARY]))
def test_a_server_reads_what_was_framed(size: int, opcode: int) -> None:
    server = Protocol(Side.SERVER)
    server.receive_data(frame(b"x" * size, opcode))
    (event,) = server.events_received()
    assert isinstance(event, Frame)
    assert (event.opcode, event.data, event.fin) == (opcode, b"x" * size, True)


@settings(max_examples=30)
@given(sizes=st.lists(SIZES, max_size=5), cut=st.integers(1000, 70_000))
def test_what_a_server_frames_is_read_in_any_pieces(sizes: list[int], cut: int) -> None:
    server, reader = Protocol(Side.SERVER), FrameReader()
    for size in sizes:
        server.send_text(b"y" * size)
    sent = b"".join(server.data_to_send())
    read = [message for at in range(0, len(sent), cut) for message in reader.push(sent[at : at + cut])]
    assert read == [(TEXT, b"y" * size) for size in sizes]


@pytest.mark.parametrize("cut", [1, 2, 1000])
def test_fragments_are_put_together_and_pings_come_between(cut: int) -> None:
    server, reader = Protocol(Side.SERVER), FrameReader()
    server.send_text(b"on", fin=False)
    server.send_ping(b"!")
    server.send_continuation(b"e", fin=True)
    server.send_frame(Frame(Opcode.TEXT, b"two"))
    sent = b"".join(server.data_to_send())
    read = [message for at in range(0, len(sent), cut) for message in reader.push(sent[at : at + cut])]
    assert read == [(PING, b"!"), (TEXT, b"one"), (TEXT, b"two")]
