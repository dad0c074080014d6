"""Whatever a speech provider says, its decoder understands it or raises a provider's error, and quotes nothing."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.actors.contracts import Speech, Synthesize, Transcribe
from troupe.actors.errors import BrokenStream, InvalidRequest, ProviderError
from troupe.actors.providers.cartesia.wire import recognition as cartesia_recognition
from troupe.actors.providers.cartesia.wire import speech as cartesia_speech
from troupe.actors.providers.cartesia.wire import voices as cartesia_voices
from troupe.actors.providers.chatterbox.wire import speech as chatterbox_speech
from troupe.actors.providers.chatterbox.wire import voices as chatterbox_voices
from troupe.actors.providers.deepgram.wire import listen, models, speak
from troupe.actors.providers.elevenlabs.wire import recognition as elevenlabs_recognition
from troupe.actors.providers.elevenlabs.wire import speech as elevenlabs_speech
from troupe.actors.providers.elevenlabs.wire import voices as elevenlabs_voices
from troupe.actors.providers.hume.wire import speech as hume_speech
from troupe.actors.providers.hume.wire import streaming as hume_streaming
from troupe.actors.providers.hume.wire import voices as hume_voices
from troupe.actors.providers.openai.wire import voices as openai_voices
from troupe.actors.providers.whisper.wire import dialects, transcription

CANARY = "sk-canary-777 said in private"
ELEVENLABS = elevenlabs_speech.SpeechOptions(model="m", voice="v")
CARTESIA = cartesia_speech.SpeechOptions(model="m", voice="v")

KEYS = st.sampled_from(
    [
        *("type", "message_type", "is_final", "isFinal", "done", "context_id", "contextId", "error", "message", "code"),
        *("channel", "alternatives", "transcript", "words", "word", "start", "end", "text", "audio", "data", "detail"),
        *("alignment", "chars", "charStartTimesMs", "charDurationsMs", "word_timestamps", "status_code", "voices"),
        *("audio_base64", "characters", "character_start_times_seconds", "title", "error_code", "results", "channels"),
        *(
            "segments",
            "probability",
            "timestamp",
            "time",
            "begin",
            "snippet_id",
            "is_last_chunk",
            "sample_rate",
            "generation_id",
        ),
        *(
            "generation_id",
            "voices_page",
            "total_pages",
            "id",
            "name",
            "status",
            "paths",
            "model_loaded",
            "initialization_state",
        ),
    ]
)
WORDS = st.sampled_from(
    [
        *("Results", "Metadata", "Error", "Flushed", "Warning", "chunk", "timestamps", "error", "transcript"),
        *("partial_transcript", "committed_transcript_with_timestamps", "auth_error", "piece-0", "AAAA", "A"),
        *("novelty", CANARY),
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 600) | st.floats(-9, 9) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=12,
)


def _talking(talking: Any) -> Callable[[bytes], Any]:
    list(talking.speak(0, "Hello."))
    return lambda data: list(talking.push(data.decode("utf-8", "replace")))


DECODERS: dict[str, Callable[[], Callable[[bytes], Any]]] = {
    "deepgram hears": lambda: listen.DeepgramHearing("x").push,
    "deepgram heard": lambda: lambda data: listen.decode_recording(data, "x"),
    "deepgram speaks": lambda: _talking(speak.DeepgramTalking("x", 24_000)),
    "deepgram has models": lambda: lambda data: models.decode_models(data, "x"),
    "elevenlabs hears": lambda: elevenlabs_recognition.ElevenLabsHearing("x", 16_000).push,
    "elevenlabs heard": lambda: lambda data: elevenlabs_recognition.decode_recording(data, "x"),
    "elevenlabs speaks": lambda: _talking(elevenlabs_speech.ElevenLabsTalking("x", ELEVENLABS)),
    "elevenlabs spoke": lambda: elevenlabs_speech.SpeechLines("x", 24_000).push,
    "elevenlabs has voices": lambda: lambda data: elevenlabs_voices.decode_voices(data, "x"),
    "chatterbox speaks": lambda: chatterbox_speech.SpeechEvents("x", 24_000).push,
    "chatterbox has voices": lambda: lambda data: chatterbox_voices.decode_voices(data, "x"),
    "chatterbox is well": lambda: lambda data: chatterbox_voices.check_health(data, "x"),
    "hume speaks": lambda: hume_speech.SpeechLines("x", "Hello, novelty.").push,
    "hume streams": lambda: _talking(hume_streaming.HumeTalking("x", hume_speech.SpeechOptions())),
    "hume has voices": lambda: lambda data: hume_voices.decode_voices(data, "x"),
    "speaches has voices": lambda: lambda data: openai_voices.decode_voices(data, "x"),
    "whisper.cpp heard": lambda: lambda data: transcription.decode(data, dialects.CPP, "x"),
    "whisper.cpp is well": lambda: lambda data: transcription.check_health(data, dialects.CPP, "x"),
    "cartesia hears": lambda: cartesia_recognition.CartesiaHearing("x").push,
    "cartesia speaks": lambda: _talking(cartesia_speech.CartesiaTalking("x", CARTESIA)),
    "cartesia has voices": lambda: lambda data: cartesia_voices.decode_voices(data, "x"),
}


@pytest.mark.parametrize("name", DECODERS)
@settings(max_examples=40)
@given(messages=st.lists(st.dictionaries(KEYS, VALUES, max_size=8).map(msgspec.json.encode) | st.binary(), max_size=3))
def test_whatever_comes(name: str, messages: list[bytes]) -> None:
    push, told = DECODERS[name](), ""
    for message in messages:
        try:
            push(message)
        except ProviderError as error:
            told += f"{error} {error.details}"
    assert "canary" not in told


def test_deepgram_joins_finals_and_replaces_guesses() -> None:
    hearing = listen.DeepgramHearing("x")

    def results(text: str, *, final: bool) -> str | None:
        words = [{"word": word.strip(","), "start": 0.1, "end": 0.2, "punctuated_word": word} for word in text.split()]
        channel = {"alternatives": [{"transcript": text, "confidence": 1, "words": words}]}
        return hearing.push(msgspec.json.encode({"type": "Results", "channel": channel, "is_final": final}))

    assert results("Hell", final=False) == "Hell"
    assert results("Hello,", final=False) == "Hello,"
    assert results("Hello,", final=True) is None  # it is no news
    assert results("", final=True) is None
    assert results("wor", final=False) == "Hello, wor"
    assert results("world", final=True) == "Hello, world"
    assert not hearing.done
    assert hearing.push('{"type":"Metadata"}') is None
    assert hearing.done
    final = hearing.result(1.0)
    assert (final.text, [word.text for word in final.words]) == ("Hello, world", ["Hello", "world"])


@pytest.mark.parametrize("hearing", [listen.DeepgramHearing("x"), cartesia_recognition.CartesiaHearing("x")])
def test_who_heard_nothing_at_all_did_not_listen(hearing: Any) -> None:
    assert hearing.result(0.2).text == ""
    with pytest.raises(BrokenStream, match="no transcript"):
        hearing.result(2.0)


def test_elevenlabs_does_not_count_a_segment_twice() -> None:
    hearing = elevenlabs_recognition.ElevenLabsHearing("x", 16_000)
    list(hearing.end())
    for kind in ("committed_transcript", "committed_transcript_with_timestamps"):
        hearing.push(msgspec.json.encode({"message_type": kind, "text": "Hello."}))
    assert hearing.result(1.0).text == "Hello."


def test_elevenlabs_that_heard_too_little_is_no_failure_at_the_end_only() -> None:
    hearing = elevenlabs_recognition.ElevenLabsHearing("x", 16_000)
    message = b'{"message_type":"commit_throttled","error":"private"}'
    with pytest.raises(ProviderError):
        hearing.push(message)
    list(hearing.end())
    hearing.push(message)
    assert hearing.done
    assert hearing.result(0.1).text == ""


@pytest.mark.parametrize("spelled", ["charDurationsMs", "charsDurationsMs"])
@pytest.mark.parametrize("context", ["context_id", "contextId"])
def test_elevenlabs_spells_things_in_two_ways(spelled: str, context: str) -> None:
    talking = elevenlabs_speech.ElevenLabsTalking("x", ELEVENLABS)
    list(talking.speak(0, "Hi you"))
    alignment = {"chars": [*"Hi you "], "charStartTimesMs": [0, 50, 100, 150, 200, 250, 300], spelled: [50] * 7}
    audio = msgspec.json.encode({"audio": bytes(6), "alignment": alignment, context: "piece-0"})
    (speech,) = talking.push(audio)
    assert [(word.text, word.start, word.end) for word in speech.words] == [("Hi", 0.0, 0.1), ("you", 0.15, 0.3)]
    (end,) = talking.push(msgspec.json.encode({"isFinal": True, context: "piece-0"}))
    assert end == Speech(0, b"", 24_000, last=True)


def test_long_texts_are_cut_at_spaces() -> None:
    text = "word " * 1000 + "x" * 4500
    parts = list(speak.cut(text))
    assert "".join(parts) == text
    assert max(map(len, parts)) <= speak.LONGEST
    assert all(part.endswith(" ") for part in parts[:2])


def test_queries_say_what_is_wished() -> None:
    options = listen.ListenOptions(model="nova-3", keyterms=("Troupe",), endpointing=0)
    query = listen.listen_query(options, Transcribe(rate=8000, language="de", prompt="Köln, "), streamed=True)
    for part in ("sample_rate=8000", "language=de", "keyterm=Troupe&keyterm=K%C3%B6ln", "endpointing=false"):
        assert part in query
    assert "keyterm" not in listen.listen_query(options, Transcribe(model="nova-2"), streamed=True)
    with pytest.raises(InvalidRequest, match="rate"):
        elevenlabs_recognition.socket_path(
            Transcribe(rate=11_025), elevenlabs_recognition.RecognitionOptions(model="m"), "x"
        )
    wished = elevenlabs_speech.wished(ELEVENLABS, Synthesize(voice="a/b", language="de", speed=1.1), "x")
    assert elevenlabs_speech.socket_path(wished).startswith("/v1/text-to-speech/a%2Fb/multi-stream-input?")
    assert wished.settings() == {"speed": 1.1}
