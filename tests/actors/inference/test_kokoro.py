"""With a model of a few hundred bytes, which the real package loads and runs; see `tiny_kokoro`.

The engine runs in a process of its own, as espeak-ng's engine does.
"""

from itertools import pairwise
from multiprocessing.managers import BaseManager, RemoteError
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_kokoro import write_kokoro
from troupe.actors.inference.errors import EngineFailed, NotInstalled, UnknownVoice
from troupe.actors.inference.kokoro import RATE, KokoroEngine
from troupe.actors.inference.results import SpeechChunk, Voice, Word

pytestmark = pytest.mark.real_time


@pytest.fixture(scope="module")
def engine(process: BaseManager, tmp_path_factory: pytest.TempPathFactory) -> KokoroEngine:
    return process.open_KokoroEngine(models=write_kokoro(tmp_path_factory.mktemp("models")))


def samples(chunk: SpeechChunk) -> np.ndarray:
    return np.frombuffer(chunk.pcm, "<i2") / 32768


def texts(chunks: list[SpeechChunk]) -> list[str]:
    return [" ".join(word.text for word in chunk.words) for chunk in chunks]


def test_voices_say_their_language_and_gender(engine: KokoroEngine) -> None:
    assert engine.voices() == [
        Voice("af_heart", "Heart", ("en-us",), "female"),
        Voice("am_adam", "Adam", ("en-us",), "male"),
        Voice("bm_george", "George", ("en-gb",), "male"),
        Voice("ef_dora", "Dora", ("es",), "female"),
    ]


def test_a_chunk_per_sentence_with_a_pause_between(engine: KokoroEngine) -> None:
    chunks = list(engine.synthesize("Hello there, world. How are you? Fine!"))
    assert texts(chunks) == ["Hello there, world.", "How are you?", "Fine!"]
    assert {chunk.rate for chunk in chunks} == {24000}
    for chunk in chunks[:-1]:
        assert not samples(chunk)[-RATE // 4 :].any()
    assert samples(chunks[-1])[-RATE // 4 :].any()  # apart from the exclamation mark's tenth of a second


def test_words_have_the_times_of_their_phonemes(engine: KokoroEngine) -> None:
    (chunk,) = engine.synthesize("Hello there, world.")
    audio = samples(chunk)
    assert [word.text for word in chunk.words] == ["Hello", "there,", "world."]
    for word, following in pairwise(chunk.words):
        assert word.end < following.start
    for word in chunk.words:
        assert np.abs(audio[int((word.start + 0.02) * RATE) : int((word.end - 0.02) * RATE)]).max() > 0.4
    gaps = [(word.end, following.start) for word, following in pairwise(chunk.words)]
    assert all(not audio[int((end + 0.02) * RATE) : int((start - 0.02) * RATE)].any() for end, start in gaps)


def test_times_go_on_from_sentence_to_sentence(engine: KokoroEngine) -> None:
    chunks = list(engine.synthesize("One two. Three four. Five."))
    words = [word for chunk in chunks for word in chunk.words]
    assert all(word.end <= following.start for word, following in pairwise(words))
    second = len(samples(chunks[0])) / RATE
    assert second <= chunks[1].words[0].start < second + 0.3


def test_a_word_that_is_spoken_as_several_keeps_its_place(engine: KokoroEngine) -> None:
    (chunk,) = engine.synthesize("It costs $12.50 - really!")
    assert [word.text for word in chunk.words] == ["It", "costs", "$12.50 -", "really!"]
    assert all(word.start < word.end <= following.start for word, following in pairwise(chunk.words))


def test_abbreviations_do_not_end_a_sentence(engine: KokoroEngine) -> None:
    assert texts(list(engine.synthesize('Dr. Smith said "No." Then he left.'))) == [
        'Dr. Smith said "No."',
        "Then he left.",
    ]


@pytest.mark.parametrize("text", ["", " ", "...", "?! ...", "\U0001f600\u2764"])
def test_nothing_to_say_gives_no_audible_chunk(engine: KokoroEngine, text: str) -> None:
    assert not any(word.text.isalnum() for chunk in engine.synthesize(text) for word in chunk.words)


@settings(max_examples=40, deadline=None)
@given(text=st.text("ab 1.,!?\u2026\"')\n-", max_size=50))
def test_words_are_slices_of_the_text(engine: KokoroEngine, text: str) -> None:
    words: list[Word] = [word for chunk in engine.synthesize(text) for word in chunk.words]
    place = 0
    for word in words:
        place = " ".join(text.split()).index(word.text, place) + len(word.text)
    for word, following in pairwise(words):  # equal where two written words are spoken as one
        assert word.start <= following.start
        assert word.start < word.end <= following.end


def test_the_voice_chooses_the_style(engine: KokoroEngine) -> None:
    loud, quiet = (samples(next(engine.synthesize("hello", voice=voice))) for voice in ("af_heart", "am_adam"))
    assert np.abs(loud).max() == pytest.approx(0.5, abs=0.01)
    assert np.abs(quiet).max() == pytest.approx(0.25, abs=0.01)


def test_the_voice_chooses_the_language(engine: KokoroEngine) -> None:
    # "cinco" has five phonemes and a stress mark in Spanish, and others in English.
    spanish, english = (
        len(samples(next(engine.synthesize("quince jabones", voice=voice)))) for voice in ("ef_dora", "af_heart")
    )
    assert spanish != english


def test_closing_stops_between_sentences(engine: KokoroEngine) -> None:
    speech = engine.synthesize("One. " * 10000)
    next(speech)
    speech.close()
    with pytest.raises(StopIteration):
        next(speech)


def test_bad_arguments_are_refused(engine: KokoroEngine) -> None:
    with pytest.raises(UnknownVoice, match="am_adam"):
        engine.synthesize("hello", voice="am_adm")
    with pytest.raises(UnknownVoice):
        engine.synthesize("hello", voice="jf_alpha")
    for speed in (0.49, 2.01, float("nan")):
        with pytest.raises(ValueError, match="between"):
            engine.synthesize("hello", speed=speed)


def test_a_model_without_durations_speaks_without_word_times(process: BaseManager, tmp_path: Path) -> None:
    engine = process.open_KokoroEngine(models=write_kokoro(tmp_path, durations=False))
    (chunk,) = engine.synthesize("Hello world.")
    assert np.abs(samples(chunk)).max() > 0.4
    assert chunk.words == ()


def test_a_model_that_fails_is_an_error(process: BaseManager, tmp_path: Path) -> None:
    engine = process.open_KokoroEngine(models=write_kokoro(tmp_path, style=128))  # the voices have 256
    with pytest.raises(EngineFailed, match="failed to speak"):
        list(engine.synthesize("Hello."))


@pytest.mark.parametrize("broken", ["model.onnx", "voices.bin"])
def test_a_broken_model_is_an_error_with_the_fix(process: BaseManager, tmp_path: Path, broken: str) -> None:
    write_kokoro(tmp_path)
    for content in (b"<html>404</html>", b""):
        (tmp_path / "kokoro" / broken).write_bytes(content)
        with pytest.raises(RemoteError, match=r"EngineFailed: kokoro can't be loaded.*: troupe models pull kokoro"):
            process.open_KokoroEngine(models=tmp_path)


def test_a_missing_model_is_an_error_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match=r"lacks model\.onnx, voices\.bin in .*troupe models pull kokoro-int8"):
        KokoroEngine.open("kokoro-int8", models=tmp_path)
