"""With a model of a few hundred bytes, which the real library loads and runs; see `tiny_moonshine`."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny_moonshine import write_decoder, write_moonshine
from troupe.actors.inference.errors import EngineBusy, EngineFailed, NotInstalled
from troupe.actors.inference.moonshine import MoonshineEngine, MoonshineUtterance
from troupe.actors.inference.results import Hypothesis

pytestmark = pytest.mark.real_time


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tiny model as ``moonshine-tiny``."""
    return write_moonshine(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module")
def engine(models: Path) -> Iterator[MoonshineEngine]:
    engine = MoonshineEngine.open("moonshine-tiny", models=models, decoders=2)
    yield engine
    engine.close()


def sound(seconds: float) -> bytes:
    return np.full(round(seconds * 16000), 10000, "<i2").tobytes()


def silence(seconds: float) -> bytes:
    return bytes(2 * round(seconds * 16000))


def hear(engine: MoonshineEngine, pcm: bytes, step: int = 640) -> list[Hypothesis]:
    utterance = engine.start()
    partial = [utterance.push(pcm[i : i + step]) for i in range(0, len(pcm), step)]
    return [*filter(None, partial), utterance.finish()]


def test_words_come_while_it_is_spoken(engine: MoonshineEngine) -> None:
    heard = hear(engine, silence(0.5) + sound(2.04))
    assert [hypothesis.text for hypothesis in heard] == ["one", "one two", "one two three", "one two three four"]
    assert [hypothesis.final for hypothesis in heard] == [False, False, False, True]


def test_the_final_does_not_depend_on_how_the_audio_is_cut(engine: MoonshineEngine) -> None:
    finals = {hear(engine, sound(1.6), step)[-1] for step in (320, 1234, 9600, 10**6)}
    assert finals == {Hypothesis("one two three", final=True)}


def test_silence_and_nothing_are_heard_as_nothing(engine: MoonshineEngine) -> None:
    assert hear(engine, silence(2)) == [Hypothesis("", final=True)]
    assert hear(engine, b"") == [Hypothesis("", final=True)]
    utterance = engine.start()
    assert utterance.push(b"") is None
    assert utterance.finish() == Hypothesis("", final=True)


def test_long_utterances_go_on_in_a_new_stream(engine: MoonshineEngine) -> None:
    # A tiny model knows eight words; what comes after half a minute is counted anew.
    heard = hear(engine, sound(1.04) + silence(30) + sound(1.54), 16000)
    assert heard[-1].text == "one two one two three"
    assert [hypothesis.text for hypothesis in heard[:2]] == ["one", "one two"]


def test_the_last_words_are_not_left_out(engine: MoonshineEngine) -> None:
    assert hear(engine, sound(1.0))[-1].text == "one two"
    assert hear(engine, silence(0.4) + sound(0.5))[-1].text == "one"


def test_utterances_do_not_mix(engine: MoonshineEngine) -> None:
    first, second = engine.start(), engine.start()
    for _ in range(4):
        first.push(sound(0.51))
        second.push(silence(0.51))
    second.push(sound(0.51))
    assert (first.finish().text, second.finish().text) == ("one two three four", "one")


def test_no_more_utterances_than_allowed(engine: MoonshineEngine) -> None:
    first, second = engine.start(), engine.start()
    with pytest.raises(EngineBusy, match="allow more"):
        engine.start()
    first.abandon()
    first.abandon()
    third = engine.start()
    with pytest.raises(EngineBusy):
        engine.start()
    second.finish()
    third.abandon()


def test_an_utterance_ends_once(engine: MoonshineEngine) -> None:
    utterance = engine.start()
    utterance.finish()
    with pytest.raises(RuntimeError, match="start another"):
        utterance.push(sound(0.1))
    with pytest.raises(RuntimeError, match="start another"):
        utterance.finish()
    utterance.abandon()


def test_half_a_sample_is_refused_and_the_utterance_goes_on(engine: MoonshineEngine) -> None:
    utterance = engine.start()
    with pytest.raises(ValueError, match="multiple"):
        utterance.push(bytes(3))
    utterance.push(sound(0.6))
    assert utterance.finish().text == "one"


def copied(models: Path, to: Path) -> Path:
    shutil.copytree(models, to, dirs_exist_ok=True)
    return to / "moonshine-tiny"


def test_words_have_times_if_the_decoder_shows_its_attention(models: Path, tmp_path: Path) -> None:
    write_decoder(copied(models, tmp_path) / "decoder_kv_with_attention.ort", attention=True)
    engine = MoonshineEngine.open("moonshine-tiny", models=tmp_path)
    final = hear(engine, sound(1.6))[-1]
    assert [word.text for word in final.words] == ["one", "two", "three"]
    for index, word in enumerate(final.words):
        assert word.start == pytest.approx(0.5 * index, abs=0.15)
        assert word.start < word.end
        assert word.confidence is not None
        assert 0 <= word.confidence <= 1
    engine.close()


def test_a_failure_ends_the_utterance_and_nothing_else(models: Path) -> None:
    engine = MoonshineEngine.open("moonshine-tiny", models=models, decoders=1)

    def broken() -> MoonshineUtterance:
        utterance = engine.start()
        assert utterance._stream is not None
        utterance._stream.stop()  # behind its back, so that the library refuses further audio
        return utterance

    utterance = broken()
    with pytest.raises(EngineFailed, match="start another"):
        utterance.push(sound(1))
    with pytest.raises(RuntimeError, match="has ended"):
        utterance.finish()
    with pytest.raises(EngineFailed, match="start another"):
        broken().finish()
    assert hear(engine, sound(0.6))[-1].text == "one"
    engine.close()


def test_a_broken_model_is_an_error_with_the_fix(models: Path, tmp_path: Path) -> None:
    (copied(models, tmp_path) / "encoder.ort").write_bytes(b"<html>404</html>")
    with pytest.raises(EngineFailed, match="troupe models pull moonshine-tiny"):
        MoonshineEngine.open("moonshine-tiny", models=tmp_path)


def test_a_missing_model_is_an_error_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(NotInstalled, match=r"lacks .*encoder\.ort.*troupe models pull moonshine-small"):
        MoonshineEngine.open(models=tmp_path)
