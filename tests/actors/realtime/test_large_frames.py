"""What is decoded in slices is what is decoded at once, mistakes included."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from troupe.actors.realtime import large_frames
from troupe.actors.realtime.client_events import ClientEvent, InputAudioBufferAppend
from troupe.actors.realtime.decoding import decode_client_event
from troupe.actors.realtime.errors import ClientMistake
from troupe.actors.realtime.large_frames import SLICE, decode_large_frame
from troupe.actors.realtime.names import Dialect

APPEND = '{"type":"input_audio_buffer.append","event_id":"one","audio":"%s"}'


def decoded(decode: Callable[[str, Dialect], ClientEvent], frame: str) -> ClientEvent | tuple[object, ...]:
    try:
        return decode(frame, Dialect.GA)
    except ClientMistake as mistake:
        return mistake.code, mistake.message, mistake.event_id


@pytest.mark.parametrize("size", [0, 1, 2, 3, SLICE * 3 // 4, SLICE * 3 // 4 + 1, SLICE * 3])
def test_a_recording(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    audio = bytes(index % 251 for index in range(size))
    monkeypatch.setattr(large_frames, "decode_client_event", lambda frame, dialect: decode_short(frame, dialect))
    for form in (APPEND, APPEND.replace(":", " :  ")):
        event = decode_large_frame(form % base64.b64encode(audio).decode())
        assert event == InputAudioBufferAppend(event_id="one", audio=audio)


def decode_short(frame: str, dialect: Dialect) -> ClientEvent:
    assert len(frame) < 100, "the audio was decoded with the rest"
    return decode_client_event(frame, dialect)


BODIES = st.text('ABCD+/=_ \\"n{}', max_size=14)
MEMBERS = st.sampled_from(
    [
        APPEND,
        '{"audio":"%s","type":"input_audio_buffer.append"}',
        '{"audio":"AAAA","type":"input_audio_buffer.append","audio":"%s"}',
        '{"audio":"%s","type":"input_audio_buffer.append","audio":""}',
        '{"audio":"%s","type":"input_audio_buffer.append","more":{"audio":"AAAA"}}',
        '{"type":"conversation.item.create","item":{"id":"i","type":"message","role":"user","content":[{"type":"input_audio","audio":"%s"}]}}',
        '{"type":"session.update","event_id":"\\"audio\\":\\"%s"}',
        '{"type":"input_audio_buffer.append","audio":["%s"]}',
        '{"type":"input_audio_buffer.append","audio":"%s',
        "%s",
    ]
)


@example(APPEND, '\\"', 4)
@given(MEMBERS, BODIES, st.sampled_from([4, 8, SLICE]))
def test_whatever_it_is_it_means_the_same(form: str, body: str, size: int) -> None:
    frame = form % body
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(large_frames, "SLICE", size)
        assert decoded(decode_large_frame, frame) == decoded(decode_client_event, frame)
