"""The protocols of other servers, against bytes that they themselves have made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.services.bench.frames import BINARY, TEXT, FrameReader
from troupe.services.bench.peers.wires import Pcm, Protobuf, Signal, Wire

AUDIO = b"\x12\xe2\x02\x08\x01\x12\x15OutputAudioRawFrame#0\x1a\xc0\x02" + bytes(range(8)) * 40 + b" \xc0\xbb\x01(\x01"
"""What Pipecat's ProtobufFrameSerializer makes of 160 samples at 24 kHz."""


@pytest.mark.parametrize(
    ("wire", "opcode", "payload", "told"),
    [
        (Pcm, BINARY, bytes(960), 0.02),
        (Pcm, TEXT, b"clear", Signal.INTERRUPTED),
        (Pcm, TEXT, b"something else", None),
        (Protobuf, BINARY, AUDIO, 160 / 24_000),
        (Protobuf, BINARY, b"*\x17\x08\x02\x12\x13InterruptionFrame#0", Signal.INTERRUPTED),
        (Protobuf, BINARY, b'"\x16\n\x14{"label": "rtvi-ai"}', None),
        (Protobuf, TEXT, b"{}", None),
    ],
)
def test_what_matters_is_read(wire: Wire, opcode: int, payload: bytes, told: float | Signal | None) -> None:
    assert wire.read(opcode, payload) == told


@given(st.binary(min_size=1, max_size=70_000))
def test_audio_goes_in_as_it_is(pcm: bytes) -> None:
    assert list(FrameReader().push(server_sees(Pcm.append(pcm)))) == [(BINARY, pcm)]
    ((opcode, payload),) = FrameReader().push(server_sees(Protobuf.append(pcm)))
    # Pipecat's own reading of this: field 2 holds audio in field 3, rate in 4, channels in 5
    assert opcode == BINARY
    assert payload.endswith(pcm + b"\x20\x80\x7d\x28\x01")
    assert Protobuf.read(opcode, payload) == len(pcm) / 2 / 24_000


def server_sees(frames: bytes) -> bytes:
    """Return a client's frame as a server would send it: without the mask, which is all zeros."""
    size = 2 if frames[1] & 0x7F < 126 else 4 if frames[1] & 0x7F == 126 else 10
    return bytes([frames[0], frames[1] & 0x7F]) + frames[2:size] + frames[size + 4 :]
