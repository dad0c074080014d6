"""The engine runs in a process of its own here too: see conftest.py."""

import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from itertools import pairwise
from multiprocessing.managers import BaseManager, RemoteError

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.actors.inference.errors import EngineBusy, UnknownVoice
from troupe.actors.inference.espeak import SPEEDS, EspeakEngine, WordTimes
from troupe.actors.inference.espeak_library import Event, PhonemeBegins, WordBegins
from troupe.actors.inference.results import SpeechChunk, Word


@pytest.fixture(scope="module")
def engine(process: BaseManager) -> EspeakEngine:
    return process.open_EspeakEngine()


pytestmark = pytest.mark.real_time


def samples(chunks: list[SpeechChunk]) -> np.ndarray:
    return np.frombuffer(b"".join(chunk.pcm for chunk in chunks), "<i2")


def duration(chunks: Iterable[SpeechChunk]) -> float:
    """In seconds. The same text takes a few samples more or less each time."""
    return sum(len(chunk.pcm) for chunk in chunks) / 44100


def words(chunks: Iterable[SpeechChunk]) -> list[Word]:
    return [word for chunk in chunks for word in chunk.words]


def test_importing_does_not_load_the_library() -> None:
    script = "import troupe.actors.inference.espeak, sys; print('espeakng_loader' in sys.modules); "
    script += "print('espeak' in open('/proc/self/maps').read() if sys.platform == 'linux' else False)"
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert output.split() == ["False", "False"]


def test_speech_comes_in_small_chunks_of_audible_audio(engine: EspeakEngine) -> None:
    chunks = list(engine.synthesize("Hello there, world."))
    assert {chunk.rate for chunk in chunks} == {22050}
    assert max(len(chunk.pcm) for chunk in chunks) < 0.11 * 44100
    audio = samples(chunks)
    assert 1 < len(audio) / 22050 < 2.5
    assert np.abs(audio.astype(int)).max() > 5000


def test_words_have_times(engine: EspeakEngine) -> None:
    chunks = list(engine.synthesize("Hello there, world. It costs $12.50 - really!"))
    spoken = words(chunks)
    assert [word.text for word in spoken] == ["Hello", "there,", "world.", "It", "costs", "$12.50", "- really!"]
    for word, following in pairwise(spoken):
        assert word.start < word.end <= following.start
    assert spoken[2].start - spoken[1].end > 0.1  # the comma
    assert spoken[-1].end <= duration(chunks)


def test_pauses_between_words_are_silent_and_words_are_not(engine: EspeakEngine) -> None:
    chunks = list(engine.synthesize("one, two, three, four"))
    audio = samples(chunks).astype(float)
    spoken = words(chunks)

    def loudness(start: float, end: float) -> float:
        return float(np.sqrt(np.mean(audio[int(start * 22050) : int(end * 22050)] ** 2)))

    for word, following in pairwise(spoken):
        assert loudness(word.start, word.end) > 20 * loudness(word.end + 0.06, following.start)


def test_a_word_comes_with_the_chunk_in_which_the_next_starts(engine: EspeakEngine) -> None:
    end = 0
    received: list[tuple[Word, int, int]] = []
    for chunk in engine.synthesize("It was the best of times, it was the worst of times."):
        begin, end = end, end + len(chunk.pcm) // 2
        received += [(word, begin, end) for word in chunk.words]
    assert len(received) >= 8
    for (_, begin, end), (following, _, _) in pairwise(received):
        assert begin <= round(following.start * 22050) <= end


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=60) | st.text("abc 12.,-!?'\"\n<>[]{}&@$\x00\x01\x1b é中文あア😀\ud83d", max_size=60))
def test_words_are_slices_that_leave_out_nothing_but_space(engine: EspeakEngine, text: str) -> None:
    chunks = list(engine.synthesize(text))
    spoken = words(chunks)
    if spoken:
        visible = re.sub(r"[\x00-\x20\x7f]|\s", "", text)
        assert "".join("".join(word.text.split()) for word in spoken) == visible
    for word in spoken:
        assert 0 <= word.start <= word.end <= duration(chunks)
    assert [word.start for word in spoken] == sorted(word.start for word in spoken)


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\x01\x00"])
def test_nothing_to_say_gives_no_chunk(engine: EspeakEngine, text: str) -> None:
    assert list(engine.synthesize(text)) == []


@pytest.mark.parametrize(
    ("markup", "same_as"),
    [
        ("hello\x01S300 world", "hello S300 world"),  # an embedded command: 300 words per minute
        ("hello\x00 world", "hello  world"),
    ],
)
def test_control_characters_do_nothing(engine: EspeakEngine, markup: str, same_as: str) -> None:
    assert duration(engine.synthesize(markup)) == pytest.approx(duration(engine.synthesize(same_as)), rel=0.01)


def test_tags_are_read_out_unless_ssml_is_asked_for(engine: EspeakEngine) -> None:
    text = 'a <break time="2s"/> b'
    plain, ssml = list(engine.synthesize(text)), list(engine.synthesize(text, ssml=True))
    assert "break" in " ".join(word.text for word in words(plain))
    assert [word.text for word in words(ssml)] == ["a", "b"]
    first, second = words(ssml)
    assert second.start - first.end > 1.9


def test_phonemes_in_brackets_are_read_out(engine: EspeakEngine) -> None:
    assert duration(engine.synthesize("[[h@l'oU]]")) > 2 * duration(engine.synthesize("hello"))


def test_speed_and_voice_change_the_speech(engine: EspeakEngine) -> None:
    text = "It was the best of times, it was the worst of times."
    normal = duration(engine.synthesize(text))
    assert normal / duration(engine.synthesize(text, speed=2)) == pytest.approx(2, rel=0.25)
    assert duration(engine.synthesize(text, speed=0.5)) / normal == pytest.approx(2, rel=0.25)
    assert duration(engine.synthesize(text, voice="de")) != pytest.approx(normal, rel=0.02)


def fundamental(chunks: Iterable[SpeechChunk]) -> float:
    """The pitch in Hz, by autocorrelation: the median of those frames that have one."""
    shortest, longest = 22050 // 350, 22050 // 60
    pitches: list[float] = []
    for frame in np.lib.stride_tricks.sliding_window_view(samples(list(chunks)).astype(float), 1024)[::512]:
        correlation = np.correlate(frame, frame, "full")[1023:]
        peaks = correlation[shortest:longest]
        if peaks.max() > 0.3 * correlation[0]:
            pitches.append(22050 / (shortest + int(peaks.argmax())))
    return float(np.median(pitches))


def test_pitch_raises_the_voice(engine: EspeakEngine) -> None:
    low, normal, high = (fundamental(engine.synthesize("my mother may", pitch=p)) for p in (10, 50, 90))
    assert low < normal < high


def test_parameters_do_not_stick(engine: EspeakEngine) -> None:
    before = duration(engine.synthesize("hello world"))
    list(engine.synthesize("hello world", voice="fr+whisper", speed=2.5, pitch=99))
    assert duration(engine.synthesize("hello world")) == pytest.approx(before, rel=0.01)


def test_speech_is_made_as_it_is_taken_and_stops_when_closed(engine: EspeakEngine) -> None:
    # Made at once, these five hours would take more than ten seconds of CPU and a gigabyte and a half.
    speech = engine.synthesize("It was the best of times, it was the worst of times. " * 5000)
    assert duration([next(speech), next(speech)]) < 0.3
    speech.close()
    with pytest.raises(StopIteration):
        next(speech)
    assert [word.text for word in words(list(engine.synthesize("next")))] == ["next"]


def test_one_speech_at_a_time(engine: EspeakEngine) -> None:
    first, second = engine.synthesize("one two three four five"), engine.synthesize("six")
    next(first)
    with pytest.raises(EngineBusy, match="close it"):
        next(second)
    first.close()
    assert list(engine.synthesize("seven"))


def test_one_engine_per_process(process: BaseManager, engine: EspeakEngine) -> None:
    with pytest.raises(RemoteError, match="EngineBusy: espeak-ng has one state per process"):
        process.open_EspeakEngine()


def test_closed_and_opened_again(start_process: Callable[[], BaseManager]) -> None:
    process = start_process()
    first = process.open_EspeakEngine()
    first.close()
    second = process.open_EspeakEngine()
    first.close()
    assert list(second.synthesize("hello"))


def test_voices_can_be_asked_for_by_every_name(engine: EspeakEngine) -> None:
    voices = engine.voices()
    assert len(voices) > 100
    assert len({voice.id for voice in voices}) == len(voices)
    chosen = random.Random(4).sample(voices, 12)
    for voice in [next(voice for voice in voices if voice.id == "en-gb"), *chosen]:
        for name in (voice.id, voice.id.upper(), voice.name, *voice.languages):
            assert list(engine.synthesize("1", voice=name)), name


def test_variants_change_the_voice(engine: EspeakEngine) -> None:
    assert {"f3", "m1", "whisper"} <= set(engine.variants())
    male, female = (fundamental(engine.synthesize("my mother may", voice=v)) for v in ("en-us", "en-us+f2"))
    assert female > 1.2 * male


@pytest.mark.parametrize(
    ("voice", "nearest"), [("en-uk", "en-us, en-gb"), ("en-us+f33", r"en-us\+f3"), ("", "voices"), ("+f3", "no voice")]
)
def test_unknown_voices_are_refused_with_the_nearest(engine: EspeakEngine, voice: str, nearest: str) -> None:
    with pytest.raises(UnknownVoice, match=nearest) as caught:
        engine.synthesize("hello", voice=voice)
    assert caught.value.voice == voice


@pytest.mark.parametrize(
    "bad", [{"speed": 0.49}, {"speed": 2.51}, {"speed": float("nan")}, {"pitch": -1}, {"pitch": 100}]
)
def test_bad_numbers_are_refused_with_the_range(engine: EspeakEngine, bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be between"):
        engine.synthesize("hello", **bad)


def test_the_ends_of_the_range_are_allowed(engine: EspeakEngine) -> None:
    for speed in SPEEDS:
        assert list(engine.synthesize("hello", speed=speed))


events = st.lists(
    st.builds(WordBegins, st.integers(-1, 30), st.integers(0, 100))
    | st.builds(PhonemeBegins, st.booleans(), st.integers(0, 100))
)


@given(text=st.text("ab .-中", max_size=25), events=events)
def test_any_events_give_slices_in_order(text: str, events: list[Event]) -> None:
    times = WordTimes(text, 100)
    ordered = sorted(events, key=lambda event: event.sample)
    found = [word for event in ordered if (word := times.receive(event))]
    last = times.finish(100)
    spoken = [*found, last] if last else found
    if spoken:
        assert "".join("".join(word.text.split()) for word in spoken) == "".join(text.split())
    assert all(word.start <= word.end for word in spoken)


def test_a_pause_inside_a_word_is_part_of_it() -> None:
    times = WordTimes("a b", 100)
    assert times.receive(WordBegins(0, 0)) is None
    for is_pause, sample in ((False, 1), (True, 10), (False, 20), (True, 30), (True, 35)):
        assert times.receive(PhonemeBegins(is_pause, sample)) is None
    assert times.receive(WordBegins(2, 40)) == Word("a", 0.0, 0.3)
    assert times.finish(60) == Word("b", 0.4, 0.6)
