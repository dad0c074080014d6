"""Transcriptions as bytes."""

import wave
from email import message_from_bytes
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.contracts import Usage, Word
from troupe.actors.errors import BrokenStream, ProviderUnavailable
from troupe.actors.providers.openai.wire.transcription import (
    Form,
    TranscriptionOptions,
    decode_transcript_event,
    decode_transcription,
    encode_transcription,
)


def parts(form: Form) -> dict[str, bytes]:
    """The form's fields, as an independent reader of MIME sees them."""
    message = message_from_bytes(f"Content-Type: {form.content_type}\r\n\r\n".encode() + form.body)
    fields = {}
    for part in message.get_payload():
        name = part.get_param("name", header="content-disposition")
        fields[name] = part.get_payload(decode=True)
    return fields


def form(pcm: bytes = bytes(4), rate: int = 16_000, *, word_times: bool = False, **said: str | None) -> Form:
    options = TranscriptionOptions(model="whisper-x", word_times=word_times)
    asked = {"model": "", "language": None, "prompt": None} | said
    return encode_transcription(pcm, rate, options, **asked)


def test_the_least_that_is_asked_for() -> None:
    fields = parts(form())
    assert set(fields) == {"model", "response_format", "stream", "file"}
    assert (fields["model"], fields["response_format"], fields["stream"]) == (b"whisper-x", b"json", b"true")


def test_everything_that_can_be_asked_for() -> None:
    fields = parts(form(word_times=True, model="whisper-y", language="de", prompt='Köln, "Bonn"\r\nEnd'))
    del fields["file"]
    assert fields == {
        "model": b"whisper-y",
        "language": b"de",
        "prompt": 'Köln, "Bonn"\r\nEnd'.encode(),
        "response_format": b"verbose_json",
        "timestamp_granularities[]": b"word",
    }


@given(samples=st.lists(st.integers(-32768, 32767)), rate=st.sampled_from([8000, 16_000, 24_000, 48_000]))
def test_the_file_is_the_audio(samples: list[int], rate: int) -> None:
    pcm = b"".join(sample.to_bytes(2, "little", signed=True) for sample in samples)
    body = form(pcm, rate)
    with wave.open(BytesIO(body.body[body.body.index(b"RIFF") :])) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (rate, 1, 2)
        assert file.readframes(file.getnframes()) == pcm


def test_the_file_has_a_name_that_says_what_it_is() -> None:
    assert b'name="file"; filename="speech.wav"\r\nContent-Type: audio/wav\r\n\r\nRIFF' in form().body


def test_two_forms_have_different_boundaries() -> None:
    assert form().content_type != form().content_type


def test_a_whole_answer() -> None:
    answer = decode_transcription(
        b'{"task":"transcribe","language":"english","duration":"1.5","text":"One, two.",'
        b'"words":[{"word":" One","start":0,"end":0.5},{"word":"two","start":0.5,"end":1.25}],'
        b'"usage":{"type":"duration","seconds":2}}',
        "wire",
    )
    assert answer.text == "One, two."
    assert answer.timed() == (Word("One", 0, 0.5), Word("two", 0.5, 1.25))
    assert answer.tokens == Usage()


def test_tokens() -> None:
    answer = decode_transcription(b'{"text":"a","usage":{"type":"tokens","input_tokens":9,"output_tokens":1}}', "wire")
    assert (answer.timed(), answer.tokens) == ((), Usage(input_tokens=9, output_tokens=1))


@pytest.mark.parametrize("body", [b"", b"<p>", b"{}", b'{"text":null}', b'{"text":1}', b"[]"])
def test_what_is_no_answer(body: bytes) -> None:
    with pytest.raises(BrokenStream):
        decode_transcription(body, "wire")


def test_errors_in_either_form() -> None:
    error = b'{"error":{"message":"private","type":"server_error"}}'
    for decode in (decode_transcription, decode_transcript_event):
        with pytest.raises(ProviderUnavailable) as caught:
            decode(error, "wire")
        assert "private" not in str(caught.value)


def test_events() -> None:
    more = decode_transcript_event(b'{"type":"transcript.text.delta","delta":" two","logprobs":[]}', "wire")
    assert (more.more, more.last) == (" two", False)
    done = decode_transcript_event(b'{"type":"transcript.text.done","text":"one two"}', "wire")
    assert (done.more, done.last, done.text) == ("", True, "one two")
    other = decode_transcript_event(b'{"type":"transcript.text.segment","text":"one","start":0}', "wire")
    assert (other.more, other.last) == ("", False)
