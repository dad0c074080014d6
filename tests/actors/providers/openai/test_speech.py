"""Speech over real sockets: pieces in order, the next one ahead, and no further."""

from contextlib import suppress

import pytest
from anyio import fail_after, sleep
from openai_provider import SPEECH, outcome, speech
from troupe.actors.contracts import GetUsage, ListModels, ListVoices, Say, Speech, Synthesize, Usage
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    InvalidRequest,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from troupe.actors.providers.openai.wire.speech import SpeechOptions
from troupe.runtime import Ref
from troupe.runtime.errors import ChannelBroken
from troupe.services.wire import Cut, Drip, Fault, Insert, Refuse, Replace, Reset, Stall
from troupe.services.wire.openai import OpenAiWire
from troupe.services.wire.openai.speech import Asked, tone

pytestmark = pytest.mark.real_time

EVENTS = SpeechOptions(model="gpt-4o-mini-tts", voice="nova", streamed="events")


def spoken(text: str, voice: str = "nova", speed: float = 1.0) -> bytes:
    return tone(Asked(model="tts-1", input=text, voice=voice, speed=speed))


async def say(ref: Ref, *texts: str, request: Synthesize | None = None) -> list[Speech]:
    async with ref.open(request or Synthesize()) as voice:
        for text in texts:
            await voice.send(Say(text))
        voice.finish()
        return [speech async for speech in voice]


def pieces(speeches: list[Speech]) -> list[bytes]:
    """The audio of each piece; they follow one another and each has an end."""
    result: list[bytes] = []
    for number in range(speeches[-1].piece + 1):
        *inner, last = [speech for speech in speeches if speech.piece == number]
        assert last.last
        assert not any(speech.last for speech in inner)
        result.append(b"".join(speech.pcm for speech in inner))
    assert [speech.piece for speech in speeches] == sorted(speech.piece for speech in speeches)
    return result


@pytest.mark.parametrize("options", [None, EVENTS], ids=["audio", "events"])
async def test_pieces_are_spoken_in_order(wire: OpenAiWire, options: SpeechOptions | None) -> None:
    texts = ("Hello there.", "How are you?", "Fine.")
    async with speech(wire, options) as ref:
        speeches = await say(ref, *texts)
        assert pieces(speeches) == [spoken(text) for text in texts]
        assert {speech.rate for speech in speeches} == {24_000}
        usage = await ref.ask(GetUsage())
    assert (usage.calls, usage.characters) == (3, sum(map(len, texts)))
    assert usage.seconds == pytest.approx(sum(map(len, texts)) * 0.06)
    assert (usage.input_tokens > 0) == (options is EVENTS)


async def test_a_request_says_voice_speed_and_model(wire: OpenAiWire) -> None:
    options = SpeechOptions(model="tts-1", voice="nova", instructions="Whisper.")
    async with speech(wire, options) as ref:
        speeches = await say(ref, "Hello", request=Synthesize(voice="echo", speed=2.0, model="tts-1-hd"))
    assert pieces(speeches) == [spoken("Hello", "echo", 2.0)]
    body = wire.last(SPEECH).json()
    assert (body["model"], body["instructions"]) == ("tts-1-hd", "Whisper.")


@pytest.mark.parametrize("options", [None, EVENTS], ids=["audio", "events"])
async def test_samples_that_the_network_cut_are_whole(wire: OpenAiWire, options: SpeechOptions | None) -> None:
    wire.fail(SPEECH, Drip(37))
    async with speech(wire, options) as ref:
        assert pieces(await say(ref, "Hello")) == [spoken("Hello")]


async def test_a_server_that_has_no_pcm(wire: OpenAiWire) -> None:
    async with speech(wire, SpeechOptions(model="tts-1", voice="nova", format="wav")) as ref:
        assert pieces(await say(ref, "Hello", "there")) == [spoken("Hello"), spoken("there")]
        wire.fail(SPEECH, Replace(b"no audio at all, whatever its type says" * 10))
        with pytest.raises(BrokenStream, match="can't be decoded"):
            await say(ref, "Hello")


async def test_the_next_piece_is_asked_for_while_one_is_spoken_but_no_further(wire: OpenAiWire) -> None:
    async with speech(wire) as ref, ref.open(Synthesize(), buffer=1) as voice:
        wire.fail(SPEECH, Stall(1))
        for text in ("one", "two", "three", "four"):
            await voice.send(Say(text))
            with fail_after(2):
                while len(wire.exchanges) < min(2, ("one", "two", "three", "four").index(text) + 1):
                    await sleep(0.002)
            if text == "three":
                break  # the fourth would wait for room in the buffer
        await sleep(0.1)
        assert sorted(exchange.json()["input"] for exchange in wire.exchanges) == ["one", "two"]
    for exchange in wire.exchanges:  # leaving ended the one that stalled; the other was done
        assert await outcome(exchange) == ("left" if exchange.json()["input"] == "one" else "served")


async def test_a_listener_that_waits_holds_the_server_back_and_is_not_late(wire: OpenAiWire) -> None:
    text = "a" * 2000  # 120 s, 5.8 MB
    async with speech(wire, between=0.1, total=3) as ref, ref.open(Synthesize(), buffer=2) as voice:
        await voice.send(Say(text))
        voice.finish()
        first = await voice.receive()
        with fail_after(3):
            before = -1
            while wire.last(SPEECH).sent != before:
                before = wire.last(SPEECH).sent
                await sleep(0.03)
        assert wire.last(SPEECH).outcome == "under way"
        assert before < 4_000_000
        await sleep(0.15)
        rest = [speech async for speech in voice]
    assert pieces([first, *rest]) == [spoken(text)]


@pytest.mark.parametrize(
    ("options", "fault", "error"),
    [
        (None, Refuse(401), AuthenticationFailed),
        (None, Refuse(429, retry_after=99), RateLimited),
        (None, Replace(), BrokenStream),
        (None, Replace(b"<html>", "text/html"), BrokenStream),
        (None, Replace(b'{"error":{"message":"x","type":"server_error"}}', "application/json"), ProviderUnavailable),
        (None, Reset(5000), BrokenStream),
        (None, Cut(5000), BrokenStream),
        (None, Stall(1), ProviderTimeout),
        (EVENTS, Replace(), BrokenStream),
        (EVENTS, Cut(9000), BrokenStream),
        (EVENTS, Insert(1, b'data: {"error":{"message":"x","type":"server_error"}}\n\n'), ProviderUnavailable),
        (EVENTS, Insert(1, b"data: x\n\n"), BrokenStream),
    ],
)
async def test_a_piece_that_fails_comes_after_those_before_it(
    wire: OpenAiWire, options: SpeechOptions | None, fault: Fault, error: type[ProviderError]
) -> None:
    wire.fail(SPEECH)
    wire.fail(SPEECH, fault)
    got: list[Speech] = []
    async with speech(wire, options, between=0.15) as ref:
        async with ref.open(Synthesize()) as voice:
            await voice.send(Say("First."))
            got += [await voice.receive()]
            await voice.send(Say("Second."))
            with fail_after(2):
                while len(wire.exchanges) < 2:
                    await sleep(0.002)
            with suppress(ChannelBroken):  # it may have failed by now
                await voice.send(Say("Third."))
            with pytest.raises(ProviderError) as caught:
                async for speech_ in voice:
                    got.append(speech_)
        assert type(caught.value) is error
        assert pieces([speech_ for speech_ in got if speech_.piece == 0]) == [spoken("First.")]
        assert spoken("Second.").startswith(b"".join(speech_.pcm for speech_ in got if speech_.piece == 1))
        assert not any(speech_.piece == 2 for speech_ in got)
        assert pieces(await say(ref, "Again.")) == [spoken("Again.")]  # the actor lives on


async def test_a_speed_out_of_range_is_refused_without_asking(wire: OpenAiWire) -> None:
    async with speech(wire) as ref:
        with pytest.raises(InvalidRequest, match="speed is 9"):
            await say(ref, "Hello", request=Synthesize(speed=9))
    assert wire.exchanges == []


async def test_leaving_closes_the_request(wire: OpenAiWire) -> None:
    wire.fail(SPEECH, Stall(1))
    async with speech(wire) as ref:
        async with ref.open(Synthesize()) as voice:
            await voice.send(Say("Hello"))
            await voice.receive()
        assert await outcome(wire.last(SPEECH)) == "left"
        assert (await ref.ask(GetUsage())) == Usage(calls=1)


async def test_voices_and_models(wire: OpenAiWire) -> None:
    async with speech(wire) as ref:
        voices = await ref.ask(ListVoices())
        assert ("nova", "Nova") in [(voice.id, voice.name) for voice in voices]
        assert await ref.ask(ListModels())
