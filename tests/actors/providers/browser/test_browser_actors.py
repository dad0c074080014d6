"""The browser as recogniser and synthesizer: the behaviours of the other ones, and that it may fall silent."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial

import pytest
from anyio import create_task_group, current_time, sleep
from pages import SECONDS_PER_WORD, Manners, running_page
from speech_providers import hear, say
from troupe.actors.contracts import GetUsage, Say, Speech, Synthesize, Transcribe, Transcript
from troupe.actors.errors import (
    BrokenStream,
    ModelNotFound,
    ProviderError,
    ProviderFailed,
    ProviderTimeout,
    ProviderUnavailable,
)
from troupe.actors.providers.browser.page import Page
from troupe.actors.providers.browser.recogniser import FINAL, BrowserRecogniser
from troupe.actors.providers.browser.synthesizer import BETWEEN, FIRST, BrowserSynthesizer
from troupe.actors.realtime.page_events import HearingBegin, HearingCancel, HearingEnd, SpeechCancel, SpeechSay
from troupe.runtime import Ref, child, open_system

pytestmark = pytest.mark.virtual

SECOND = bytes(32_000)


async def failing(call: Callable[[], Awaitable[object]]) -> ProviderError:
    """Return what a call fails with."""
    with pytest.raises(ProviderError) as raised:
        await call()
    return raised.value


@asynccontextmanager
async def browser(manners: Manners, **abilities: bool) -> AsyncGenerator[tuple[Ref, Ref]]:
    page = Page()
    async with (
        running_page(page, manners, **abilities),
        open_system(child(BrowserRecogniser, page, name="stt"), child(BrowserSynthesizer, page, name="tts")) as system,
    ):
        yield system.ref("stt"), system.ref("tts")


async def test_an_utterance_is_written_down_while_it_is_said() -> None:
    manners = Manners(partials=[(0.1, "what"), (0.2, "what time")])
    async with browser(manners) as (stt, _), stt.open(Transcribe(language="en")) as recogniser:
        await recogniser.send(SECOND)
        assert [(await recogniser.receive()).text for _ in range(2)] == ["what", "what time"]
        recogniser.finish()
        assert [each async for each in recogniser] == [Transcript("what time is it", final=True, confidence=0.5)]
        usage = await stt.ask(GetUsage())
    assert (usage.calls, usage.failures, usage.seconds) == (1, 0, 1)
    assert manners.told == [HearingBegin(call=0, language="en"), HearingEnd(call=0)]


async def test_utterances_at_the_same_time_are_told_apart() -> None:
    async with browser(Manners()) as (stt, _):
        async with create_task_group() as tasks:
            for _ in range(4):
                tasks.start_soon(hear, stt, SECOND)
        assert (await stt.ask(GetUsage())).calls == 4


async def test_nothing_heard_is_no_failure() -> None:
    async with browser(Manners(hearing_error="no-speech", final=None)) as (stt, _):
        assert (await hear(stt, SECOND))[-1] == Transcript("", final=True)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("network", ProviderUnavailable),
        ("not-allowed", ProviderUnavailable),
        ("language-not-supported", ModelNotFound),
        ("aborted", BrokenStream),
        ("what nobody has heard of", ProviderFailed),
    ],
)
async def test_errors_of_recognition_are_those_of_a_provider(error: str, kind: type[ProviderError]) -> None:
    manners = Manners(hearing_error=error, final=None)
    async with browser(manners) as (stt, _):
        raised = await failing(partial(hear, stt, SECOND))
        assert type(raised) is kind
        assert raised.elsewhere
        assert "nobody" not in str(raised)
        assert (await stt.ask(GetUsage())).failures == 1
    assert isinstance(manners.told[-1], HearingCancel)


async def test_a_page_that_says_nothing_in_the_end_is_given_up() -> None:
    async with browser(Manners(final=None)) as (stt, _):
        begun = current_time()
        assert isinstance(await failing(partial(hear, stt, SECOND)), ProviderTimeout)
        assert current_time() - begun == pytest.approx(FINAL)


async def test_leaving_tells_the_page() -> None:
    manners = Manners()
    async with browser(manners) as (stt, tts):
        async with stt.open(Transcribe()) as recogniser:
            await recogniser.send(SECOND)
            await sleep(0.1)
        async with tts.open(Synthesize()) as voice:
            await voice.send(Say("one two three four"))
            await voice.receive()
            await sleep(2 * SECONDS_PER_WORD)
            left = current_time()
        assert current_time() == left
        await sleep(1)
    assert {type(event) for event in manners.told} >= {HearingCancel, SpeechCancel}
    assert manners.spoken == ["one", "two"]


async def test_who_has_not_said_that_it_can_is_told_so() -> None:
    async with browser(Manners(), hears=False, speaks=False) as (stt, tts):
        for call in (partial(hear, stt, SECOND), partial(say, tts, "Hello.")):
            error = await failing(call)
            assert isinstance(error, ProviderUnavailable)
            assert "troupe.browser.ready" in error.reason


def words(speeches: list[Speech]) -> list[tuple[str, float, float]]:
    return [(word.text, word.start, word.end) for speech in speeches for word in speech.words]


async def test_pieces_are_spoken_in_order_and_each_word_is_known_when_it_was_heard() -> None:
    manners = Manners()
    texts = ("Hello there.", "How are  you?", "…", "Fine.")
    async with browser(manners) as (_, tts):
        speeches = await say(tts, *texts, request=Synthesize(voice="", speed=1.25, language="en"))
        usage = await tts.ask(GetUsage())
    assert not any(speech.pcm for speech in speeches)
    assert [speech.piece for speech in speeches if speech.last] == [0, 1, 2, 3]
    assert [word for word, _, _ in words(speeches)] == ["Hello", "there.", "How", "are", "you?", "Fine."]
    assert words(speeches)[:3] == [("Hello", 0, 0.25), ("there.", 0.25, 0.5), ("How", 0, 0.25)]
    assert [sum(speech.heard for speech in speeches if speech.piece == piece) for piece in range(4)] == [
        0.5,
        0.75,
        0,
        0.25,
    ]
    said = [event for event in manners.told if isinstance(event, SpeechSay)]
    assert [(each.piece, each.text) for each in said] == [(0, texts[0]), (1, texts[1]), (3, texts[3])]
    assert (said[0].speed, said[0].language) == (1.25, "en")
    assert (usage.characters, usage.seconds) == (len("".join(texts)) - 1, 1.5)


async def test_no_more_than_one_piece_waits_at_the_page() -> None:
    manners = Manners()
    async with browser(manners) as (_, tts), tts.open(Synthesize()) as voice:
        for text in ("one", "two", "three", "four"):
            await voice.send(Say(text))
        await sleep(SECONDS_PER_WORD / 2)
        assert len([event for event in manners.told if isinstance(event, SpeechSay)]) == 2
        voice.finish()
        assert [speech.piece async for speech in voice if speech.last] == [0, 1, 2, 3]


async def test_a_voice_that_tells_no_words_is_known_to_have_spoken_for_so_long() -> None:
    async with browser(Manners(boundaries=False)) as (_, tts):
        speeches = await say(tts, "one two three")
    assert sum(speech.heard for speech in speeches) == 0.75
    assert [word for word, _, _ in words(speeches[:-1])] == []
    assert speeches[-1].last


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("synthesis-unavailable", ProviderUnavailable),
        ("not-allowed", ProviderUnavailable),
        ("synthesis-failed", ProviderFailed),
        ("interrupted", BrokenStream),
    ],
)
async def test_errors_of_speech_are_those_of_a_provider(error: str, kind: type[ProviderError]) -> None:
    async with browser(Manners(speech_error=error, error_after=2)) as (_, tts):
        assert type(await failing(partial(say, tts, "one two three."))) is kind


async def test_a_voice_that_it_does_not_have_is_not_found() -> None:
    async with browser(Manners()) as (_, tts):
        raised = await failing(partial(say, tts, "one two three.", request=Synthesize(voice="Zarvox")))
    assert isinstance(raised, ModelNotFound)


@pytest.mark.parametrize(("silent_after", "seconds"), [(0, FIRST), (2, 2 * SECONDS_PER_WORD + BETWEEN)])
async def test_a_page_that_falls_silent_is_given_up(silent_after: int, seconds: float) -> None:
    async with browser(Manners(silent_after=silent_after)) as (_, tts):
        begun = current_time()
        assert isinstance(await failing(partial(say, tts, "one two three.")), ProviderTimeout)
        assert current_time() - begun == pytest.approx(seconds, abs=SECONDS_PER_WORD + 0.01)
