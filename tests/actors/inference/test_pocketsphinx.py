import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.actors.inference.errors import BadGrammar, EngineBusy, EngineFailed, UnknownWords
from troupe.actors.inference.pocketsphinx import PocketsphinxEngine, one_of
from troupe.actors.inference.results import Hypothesis

pytestmark = pytest.mark.real_time

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SAY = """
import sys
from troupe.actors.inference.espeak import EspeakEngine
engine = EspeakEngine.open()
for text in sys.argv[1:]:
    pcm = b"".join(chunk.pcm for chunk in engine.synthesize(text, voice="en-us+klatt4"))
    sys.stdout.buffer.write(len(pcm).to_bytes(4, "little") + pcm)
"""


@pytest.fixture(scope="module")
def say() -> Callable[[str], bytes]:
    """Speech at 16 kHz with half a second of silence around it. espeak gets a process of its own, as always."""
    texts = (*DIGITS, "turn on the light", "hello")
    output = subprocess.run([sys.executable, "-c", SAY, *texts], capture_output=True, check=True).stdout
    spoken: dict[str, bytes] = {}
    for text in texts:
        length = 4 + int.from_bytes(output[:4], "little")
        speech = soxr.resample(np.frombuffer(output[4:length], "<i2"), 22050, 16000)
        spoken[text] = bytes(16000) + speech.astype("<i2").tobytes() + bytes(16000)
        output = output[length:]
    return spoken.__getitem__


@pytest.fixture(scope="module")
def engine() -> Iterator[PocketsphinxEngine]:
    engine = PocketsphinxEngine.open(decoders=2)
    yield engine
    engine.close()


def hear(engine: PocketsphinxEngine, pcm: bytes, grammar: str | None = None, step: int = 3200) -> list[Hypothesis]:
    """Partial hypotheses and the final one."""
    utterance = engine.start(grammar)
    partial = [utterance.push(pcm[i : i + step]) for i in range(0, len(pcm), step)]
    return [*filter(None, partial), utterance.finish()]


def test_one_of_ten_words_is_recognised(engine: PocketsphinxEngine, say: Callable[[str], bytes]) -> None:
    grammar = one_of(DIGITS)
    heard = [hear(engine, say(digit), grammar)[-1].text for digit in DIGITS]
    assert sum(text == digit for text, digit in zip(heard, DIGITS, strict=True)) >= 9, heard


def test_words_cut_close_to_the_sound_are_recognised(engine: PocketsphinxEngine, say: Callable[[str], bytes]) -> None:
    grammar = one_of(DIGITS)
    heard = [hear(engine, say(digit)[16000:-16000], grammar)[-1] for digit in DIGITS]
    assert sum(final.text == digit for final, digit in zip(heard, DIGITS, strict=True)) >= 9, heard
    assert all(word.start >= 0 for final in heard for word in final.words)


def test_phrases_are_recognised_with_word_times(engine: PocketsphinxEngine, say: Callable[[str], bytes]) -> None:
    pcm = say("turn on the light")
    final = hear(engine, pcm, one_of(["Turn on the light", "turn off the heating", "open the door"]))[-1]
    assert final.text == "turn on the light"
    assert [word.text for word in final.words] == final.text.split()
    assert 0.3 < final.words[0].start < 0.8
    for word, following in pairwise(final.words):
        assert word.start < word.end <= following.start
    assert final.words[-1].end < len(pcm) / 32000 - 0.3
    assert all(word.confidence is not None and 0 < word.confidence <= 1 for word in final.words)


def test_partial_hypotheses_come_before_the_end(engine: PocketsphinxEngine, say: Callable[[str], bytes]) -> None:
    *partial, final = hear(engine, say("turn on the light"), one_of(["turn on the light", "open the door"]), 640)
    assert final.final
    assert partial
    assert not any(hypothesis.final or hypothesis.words for hypothesis in partial)
    assert "turn" in partial[-1].text
    texts = [hypothesis.text for hypothesis in partial]
    assert all(text != following for text, following in pairwise(texts))


def test_free_speech_is_heard_without_a_grammar(engine: PocketsphinxEngine, say: Callable[[str], bytes]) -> None:
    final = hear(engine, say("hello"))[-1]
    assert final.text == "hello"
    assert [word.text for word in final.words] == ["hello"]


def test_a_transcript_does_not_depend_on_what_was_heard_before(
    engine: PocketsphinxEngine, say: Callable[[str], bytes]
) -> None:
    alone = hear(PocketsphinxEngine.open(decoders=1), say("hello"))
    noise = np.random.default_rng(1).integers(-20000, 20000, 32000, dtype=np.int16).tobytes()
    hear(engine, noise)
    hear(engine, say("nine"), one_of(DIGITS))
    assert hear(engine, say("hello")) == alone


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 15000), max_size=12))
def test_the_final_does_not_depend_on_how_the_audio_is_cut(
    engine: PocketsphinxEngine, say: Callable[[str], bytes], cuts: list[int]
) -> None:
    pcm, grammar = say("five"), one_of(DIGITS)
    utterance = engine.start(grammar)
    edges = [0, *(2 * cut for cut in sorted(cuts)), len(pcm)]
    for begin, end in pairwise(edges):
        utterance.push(pcm[begin:end])
    assert utterance.finish() == hear(engine, pcm, grammar)[-1]


def test_silence_and_nothing_are_heard_as_nothing(engine: PocketsphinxEngine) -> None:
    assert hear(engine, bytes(32000), one_of(DIGITS)) == [Hypothesis("", (), final=True)]
    assert hear(engine, b"") == [Hypothesis("", (), final=True)]


def test_two_utterances_at_once_do_not_mix(engine: PocketsphinxEngine, say: Callable[[str], bytes]) -> None:
    grammar = one_of(DIGITS)
    first, second = engine.start(grammar), engine.start(grammar)
    one, two = say("six"), say("three")
    for i in range(0, max(len(one), len(two)), 3200):
        first.push(one[i : i + 3200])
        second.push(two[i : i + 3200])
    assert (first.finish().text, second.finish().text) == ("six", "three")


def test_no_more_utterances_than_allowed(engine: PocketsphinxEngine) -> None:
    first, second = engine.start(), engine.start(one_of(DIGITS))
    with pytest.raises(EngineBusy, match="allow more"):
        engine.start()
    first.abandon()
    first.abandon()
    third = engine.start()
    with pytest.raises(EngineBusy):
        engine.start()
    second.finish()
    third.finish()


def test_an_utterance_ends_once(engine: PocketsphinxEngine) -> None:
    utterance = engine.start()
    utterance.finish()
    with pytest.raises(RuntimeError, match="start another"):
        utterance.push(bytes(2))
    with pytest.raises(RuntimeError, match="start another"):
        utterance.finish()
    utterance.abandon()


def test_half_a_sample_is_refused_and_the_utterance_goes_on(
    engine: PocketsphinxEngine, say: Callable[[str], bytes]
) -> None:
    utterance = engine.start(one_of(DIGITS))
    with pytest.raises(ValueError, match="whole number"):
        utterance.push(bytes(3))
    utterance.push(say("four"))
    assert utterance.finish().text == "four"


def test_a_failed_decoder_is_not_used_again() -> None:
    engine = PocketsphinxEngine.open(decoders=1, free_speech=False)
    utterance = engine.start(one_of(DIGITS))
    assert utterance._decoder is not None
    utterance._decoder.end_utt()  # behind its back, so that the library refuses to end it once more
    with pytest.raises(EngineFailed):
        utterance.finish()
    with pytest.raises(RuntimeError, match="has ended"):
        utterance.push(b"")
    with pytest.raises(EngineBusy):
        engine.start(one_of(DIGITS))


def test_without_free_speech_a_grammar_is_needed(say: Callable[[str], bytes]) -> None:
    engine = PocketsphinxEngine.open(decoders=1, free_speech=False)
    with pytest.raises(ValueError, match="needs a grammar"):
        engine.start()
    assert hear(engine, say("seven"), one_of(DIGITS))[-1].text == "seven"
    assert hear(engine, say("two"), one_of(["two", "yes"]))[-1].text == "two"


def test_words_the_dictionary_lacks_are_named(engine: PocketsphinxEngine) -> None:
    with pytest.raises(UnknownWords) as caught:
        engine.start("#JSGF V1.0; grammar g; public <g> = hello troupex | [please] (fooxbar | one)+;")
    assert caught.value.words == ("fooxbar", "troupex")
    for _ in range(3):  # the decoder was given back each time
        with pytest.raises(UnknownWords):
            engine.start(one_of(["quuxly"]))


def test_comments_tags_weights_and_rules_are_no_words(engine: PocketsphinxEngine) -> None:
    grammar = """#JSGF V1.0 UTF-8 en;
    // commentx and
    grammar lamp.things;
    /* morex
       commentx */
    <state> = /0.7/ on {tagx} | /0.3/ off;
    public <command> = [please] turn the light <state> <NULL>;
    """
    engine.start(grammar).abandon()


@pytest.mark.parametrize("grammar", ["", "hello", "#JSGF V1.0; grammar g; public <g> = (hello;"])
def test_bad_grammars_are_refused(engine: PocketsphinxEngine, grammar: str) -> None:
    with pytest.raises(BadGrammar):
        engine.start(grammar)


@pytest.mark.parametrize("phrases", [[], ["12"], [""], ["a | b"], ["<x>"], ["a;"], [" ' "]])
def test_one_of_takes_words_only(phrases: list[str]) -> None:
    with pytest.raises(ValueError, match="word"):
        one_of(phrases)


def test_no_decoders_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        PocketsphinxEngine.open(decoders=0)
