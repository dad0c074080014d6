"""A session whose client hears and speaks by itself: its turns, what it is sent, and what it has heard."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from anyio import current_time, sleep
from conversations import RATE, Caller, Model, Script, Synthesizer, conversation
from conversations import Recogniser as ScriptedRecogniser
from troupe.actors.contracts import Turn
from troupe.actors.providers.browser.page import Page
from troupe.actors.providers.browser.recogniser import BrowserRecogniser
from troupe.actors.providers.browser.synthesizer import BrowserSynthesizer
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.items import InputText, Message
from troupe.actors.realtime.page_events import (
    BrowserReady,
    HearingBegin,
    HearingEnd,
    HearingEnded,
    HearingFailed,
    HearingResult,
    HearingStarted,
    SpeechCancel,
    SpeechEnded,
    SpeechProgress,
    SpeechSay,
)
from troupe.actors.realtime.session_config import Audio, AudioInput, RealtimeSession, Transcription
from troupe.actors.routing import FallbackRecogniser, FallbackSynthesizer, Provider
from troupe.actors.voice.interruption import Interruption
from troupe.runtime import child

pytestmark = pytest.mark.virtual

WITHOUT_AUDIO = RealtimeSession(
    model="test", audio=Audio(input=AudioInput(turn_detection=None, transcription=Transcription()))
)
WITH_AUDIO = RealtimeSession(model="test", audio=Audio(input=AudioInput(transcription=Transcription())))


@asynccontextmanager
async def talking(
    script: Script, session: RealtimeSession = WITHOUT_AUDIO, *, ready: bool = True, behind: bool = False, **more: Any
) -> AsyncGenerator[Caller]:
    """Open a session with a page; `behind` it, there are a recogniser and a synthesizer on the server."""
    page = Page()
    hears, speaks = child(BrowserRecogniser, page, name="ears"), child(BrowserSynthesizer, page, name="mouth")
    chain = [Provider("ears")], [Provider("mouth")]
    others = ()
    if behind:
        others = child(ScriptedRecogniser, script, name="stt2"), child(Synthesizer, script, name="tts2")
        chain = [Provider("ears"), Provider("stt2")], [Provider("mouth"), Provider("tts2")]
    providers = (
        hears,
        speaks,
        *others,
        child(FallbackRecogniser, chain[0], name="stt"),
        child(Model, script, name="llm"),
        child(FallbackSynthesizer, chain[1], name="tts"),
    )
    async with conversation(script, session, providers=providers, page=page, **more) as caller:
        if ready:
            await caller.send(BrowserReady(hears=True, speaks=True))
        yield caller


async def say_by_itself(caller: Caller, text: str) -> None:
    """Have the page's recogniser hear something, in a session without audio."""
    await caller.send(HearingStarted())
    begin = await caller.until(HearingBegin)
    await caller.send(HearingResult(call=begin.call, transcript=text.split(maxsplit=1)[0]))
    await caller.send(HearingResult(call=begin.call, transcript=text))
    await caller.send(HearingEnded())
    await caller.until(HearingEnd)
    await caller.send(HearingResult(call=begin.call, transcript=text, final=True, confidence=0.9))


async def speak(caller: Caller, *words: str, say: SpeechSay | None = None) -> SpeechSay:
    """Have the page speak so many words of a piece, a quarter of a second each, and begin the next one."""
    say = say or await caller.until(SpeechSay)
    at = 0
    for number, word in enumerate(words):
        at = say.text.index(word, at)
        await caller.send(SpeechProgress(call=say.call, piece=say.piece, ms=250 * number, characters=at))
        await sleep(0.25)
        at += len(word)
    return say


def texts(turns: tuple[Turn, ...]) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in turns if turn.role != "system"]


async def test_the_browser_hears_and_speaks_a_turn_without_any_audio() -> None:
    script = Script(answer=["One two three. ", "Four five six."])
    async with talking(script) as caller:
        await say_by_itself(caller, "what time is it")
        first = await speak(caller, "One", "two", "three.")
        await caller.send(SpeechEnded(call=first.call, piece=0, ms=750))
        second = await speak(caller, "Four", "five", "six.")
        assert (first.call, first.piece, second.call, second.piece) == (second.call, 0, first.call, 1)
        await caller.send(SpeechEnded(call=second.call, piece=1, ms=750))
        done = await caller.until(response.ResponseDone)
    assert done.response.status == "completed"
    assert [event.delta for event in caller.all(response.ResponseOutputAudioTranscriptDelta)] == script.answer
    assert not caller.all(response.ResponseOutputAudioDelta)
    assert caller.all(server.InputAudioTranscriptionCompleted)[0].transcript == "what time is it"
    names = caller.names()
    assert names.index("InputAudioBufferSpeechStarted") < names.index("InputAudioBufferSpeechStopped")
    assert texts(script.requests[0].turns) == [("user", "what time is it")]
    assert done.response.usage.output_token_details.audio_tokens == round(1.5 * 20)


async def test_speaking_silences_the_page_and_leaves_the_words_that_were_heard() -> None:
    script = Script(answer=["One two three. ", "Four five six. ", "Seven eight nine."])
    async with talking(script) as caller:
        await say_by_itself(caller, "count for me")
        first = await speak(caller, "One", "two", "three.")
        await caller.send(SpeechEnded(call=first.call, piece=0, ms=750))
        await speak(caller, "Four", "five")  # "five" has begun, and is not heard to its end
        await caller.send(HearingStarted())
        silenced = current_time()
        cancel = await caller.until(SpeechCancel)
        assert (cancel.call, current_time()) == (first.call, silenced)
        (done,) = caller.all(response.ResponseDone)
        assert (done.response.status, done.response.status_details.reason) == ("cancelled", "turn_detected")
        begin = await caller.until(HearingBegin) if not caller.all(HearingBegin)[1:] else caller.all(HearingBegin)[-1]
        await caller.send(HearingEnded())
        await caller.send(HearingResult(call=begin.call, transcript="go on", final=True))
        await caller.until(SpeechSay)
    assert texts(script.requests[1].turns) == [
        ("user", "count for me"),
        ("assistant", "One two three. Four"),
        ("user", "go on"),
    ]


async def test_typing_interrupts_as_well() -> None:
    script = Script(answer=["One two three four five."])
    async with talking(script) as caller:
        await say_by_itself(caller, "count")
        await speak(caller, "One", "two", "three")
        await caller.send(client.ResponseCancel())
        await caller.until(SpeechCancel)
        item = Message(role="user", content=(InputText(text="Thanks."),))
        await caller.send(client.ConversationItemCreate(item=item))
        await caller.send(client.ResponseCreate())
        await caller.until(SpeechSay)
    assert texts(script.requests[1].turns)[1:] == [("assistant", "One two"), ("user", "Thanks.")]


async def test_a_voice_that_tells_no_words_is_judged_by_time() -> None:
    script = Script(answer=["One two three four five six seven eight nine ten."])
    async with talking(script) as caller:
        await say_by_itself(caller, "count")
        say = await caller.until(SpeechSay)
        for step in range(9):
            await caller.send(SpeechProgress(call=say.call, piece=0, ms=step * 100))
            await sleep(0.1)
        await caller.send(HearingStarted())
        await caller.until(SpeechCancel)
        await caller.send(HearingEnded())
        begin = caller.all(HearingBegin)[-1]
        await caller.send(HearingResult(call=begin.call, transcript="stop", final=True))
        await caller.until(SpeechSay)
    heard = texts(script.requests[1].turns)[1][1]
    assert heard
    assert "One two three four five six seven eight nine ten.".startswith(heard)
    assert 1 <= len(heard.split()) <= 4


async def test_with_a_microphone_the_server_decides_when_turns_end_and_the_browser_what_was_said() -> None:
    script = Script()
    async with talking(script, WITH_AUDIO) as caller:
        await caller.speak(1.0)
        begin = await caller.until(HearingBegin)
        await caller.send(HearingResult(call=begin.call, transcript="what time"))
        await caller.speak(0.6, loud=False)
        await caller.until(HearingEnd)
        await caller.send(HearingResult(call=begin.call, transcript="what time is it", final=True))
        await caller.until(SpeechSay)
    assert texts(script.requests[0].turns) == [("user", "what time is it")]


@pytest.mark.parametrize("how", ["fails", "is silent", "is no page"])
async def test_the_next_recogniser_hears_what_the_browser_did_not(how: str) -> None:
    script = Script(transcript="hello there")
    async with talking(script, WITH_AUDIO, behind=True, ready=how != "is no page") as caller:
        await caller.speak(1.0)
        if how == "fails":
            begin = await caller.until(HearingBegin)
            await caller.send(HearingFailed(call=begin.call, error="network"))
        await caller.speak(0.6, loud=False)
        done = await caller.until(server.InputAudioTranscriptionCompleted)
        assert done.transcript == "hello there"
    assert script.seconds_heard > 1


async def test_the_next_voice_goes_on_where_the_browser_fell_silent() -> None:
    script = Script(answer=["One two three four five."])
    async with talking(script, behind=True) as caller:
        await say_by_itself(caller, "count")
        await speak(caller, "One", "two", "three")
        done = await caller.until(response.ResponseDone)
    assert done.response.status == "completed"
    assert script.spoken == ["three four five."], "two words were heard to their end"
    audio = b"".join(event.delta for event in caller.all(response.ResponseOutputAudioDelta))
    assert len(audio) / 2 / RATE == pytest.approx(0.75, abs=0.05)
    assert "".join(event.delta for event in caller.all(response.ResponseOutputAudioTranscriptDelta)) == script.answer[0]


async def test_a_client_that_is_no_page_is_spoken_to_by_the_next_of_the_chain_or_told_of_the_failure() -> None:
    for behind in (True, False):
        script = Script(answer=["One two three."])
        async with talking(script, ready=False, behind=behind) as caller:
            await caller.send(client.ResponseCreate())
            done = await caller.until(response.ResponseDone)
            assert not caller.all(SpeechSay)
            if behind:
                assert done.response.status == "completed"
                assert script.spoken == ["One two three."]
            else:
                assert done.response.status_details.error.code == "provider_unavailable"


async def test_turns_are_the_servers_where_it_listens_itself() -> None:
    async with talking(Script(), WITH_AUDIO) as caller:
        await caller.send(HearingStarted())
        await caller.send(HearingEnded())
        await caller.speak(1.0)
        await caller.until(HearingBegin)
        assert len(caller.all(server.InputAudioBufferSpeechStarted)) == 1


async def test_what_is_heard_while_a_sound_is_in_doubt_counts() -> None:
    script = Script(answer=["One two three four five six."], transcript="stop")
    patient = Interruption(speech=0.8)
    async with talking(script, WITH_AUDIO, interruption=patient) as caller:
        await caller.send(client.ResponseCreate())
        say = await speak(caller, "One", "two")
        frames = np.full(RATE // 50, 8000, np.int16).tobytes()
        at = say.text.index("three")
        for frame in range(60):  # of a sound that interrupts after 0.8 seconds
            if frame % 12 == 0:
                words = 2 + frame // 12
                await caller.send(SpeechProgress(call=say.call, piece=0, ms=250 * words, characters=at))
                at = min(say.text.find(" ", at) + 1 or len(say.text), len(say.text))
            await caller.send(client.InputAudioBufferAppend(audio=frames))
            await sleep(0.02)
        await caller.until(SpeechCancel)
        done = caller.all(response.ResponseDone)[0]
        item = done.response.output[0]
        await caller.send(client.ConversationItemRetrieve(item_id=item.id))
        kept = await caller.until(server.ConversationItemRetrieved)
    heard = kept.item.content[0].transcript
    assert heard.startswith("One two three")
    assert heard != "One two three four five six."


async def test_late_news_and_news_of_unknown_calls_change_nothing() -> None:
    script = Script(answer=["One two three."])
    async with talking(script) as caller:
        await caller.send(HearingEnded())
        await caller.send(SpeechProgress(call=7, piece=0, ms=1, characters=1))
        await say_by_itself(caller, "count")
        say = await speak(caller, "One", "two")
        await caller.send(SpeechProgress(call=say.call, piece=9, ms=1, characters=1))
        await caller.send(SpeechProgress(call=say.call, piece=0, ms=100, characters=0))  # older than what was told
        await caller.send(SpeechEnded(call=say.call, piece=0, ms=750))
        await caller.send(SpeechEnded(call=say.call, piece=0, ms=9000))
        done = await caller.until(response.ResponseDone)
    assert done.response.status == "completed"
    assert done.response.usage.output_token_details.audio_tokens == 15
