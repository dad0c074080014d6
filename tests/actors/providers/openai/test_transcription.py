"""Transcription over real sockets."""

import pytest
from anyio import fail_after, sleep
from openai_provider import TRANSCRIPTIONS, outcome, transcription
from troupe.actors.contracts import GetUsage, ListModels, Transcribe, Transcript, Word
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    InvalidRequest,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RequestTooLong,
)
from troupe.actors.providers.openai.wire.transcription import LARGEST_UPLOAD, TranscriptionOptions
from troupe.runtime import Ref
from troupe.services.wire import Cut, Drip, End, Fault, Insert, Late, Refuse, Replace, Stall
from troupe.services.wire.openai import OpenAiWire

pytestmark = pytest.mark.real_time

SECOND = bytes(32_000)
WHISPER = TranscriptionOptions(model="whisper-1", word_times=True)


async def hear(ref: Ref, *audio: bytes, request: Transcribe | None = None) -> list[Transcript]:
    async with ref.open(request or Transcribe()) as recogniser:
        for pcm in audio:
            await recogniser.send(pcm)
        recogniser.finish()
        return [transcript async for transcript in recogniser]


async def test_partial_transcripts_and_the_final_one(wire: OpenAiWire) -> None:
    wire.hear("one two three")
    async with transcription(wire) as ref:
        assert await hear(ref, SECOND, SECOND) == [
            *(Transcript("one"), Transcript("one two"), Transcript("one two three")),
            Transcript("one two three", final=True),
        ]
        usage = await ref.ask(GetUsage())
    assert (usage.calls, usage.seconds, usage.input_tokens, usage.output_tokens) == (1, 2, 20, 3)


async def test_the_server_hears_what_was_said(wire: OpenAiWire) -> None:
    async with transcription(wire) as ref:
        for rate in (8000, 16_000, 24_000):
            transcripts = await hear(ref, bytes(2 * rate), bytes(rate), request=Transcribe(rate=rate))
            assert transcripts[-1].text == "1.50 seconds of audio"


@pytest.mark.parametrize("drip", [(), (Drip(1),)])
async def test_text_is_exact_however_it_comes(wire: OpenAiWire, drip: tuple[Drip, ...]) -> None:
    wire.hear("Grüße, 世界! 🎭")
    wire.fail(TRANSCRIPTIONS, *drip)
    async with transcription(wire) as ref:
        assert (await hear(ref, SECOND))[-1] == Transcript("Grüße, 世界! 🎭", final=True)


async def test_word_times(wire: OpenAiWire) -> None:
    wire.hear("One, two.")
    async with transcription(wire, WHISPER) as ref:
        assert await hear(ref, SECOND) == [
            Transcript("One, two.", final=True, words=(Word("One", 0.0, 0.3), Word("two", 0.3, 0.6)))
        ]


async def test_a_model_that_does_not_stream_though_asked_to(wire: OpenAiWire) -> None:
    async with transcription(wire) as ref:
        assert await hear(ref, SECOND, request=Transcribe(model="whisper-1")) == [
            Transcript("1.00 seconds of audio", final=True)
        ]


async def test_a_request_says_language_and_prompt(wire: OpenAiWire) -> None:
    async with transcription(wire) as ref:
        await hear(ref, SECOND, request=Transcribe(language="de", prompt="Köln"))
    body = wire.last(TRANSCRIPTIONS).body
    assert b'name="language"\r\n\r\nde\r\n' in body
    assert 'name="prompt"\r\n\r\nKöln\r\n'.encode() in body


@pytest.mark.parametrize("audio", [(), (bytes(3000),)])
async def test_next_to_nothing_is_not_sent(wire: OpenAiWire, audio: tuple[bytes, ...]) -> None:
    async with transcription(wire) as ref:
        assert await hear(ref, *audio) == [Transcript("", final=True)]
    assert wire.exchanges == []


async def test_more_than_the_api_takes_is_not_kept(wire: OpenAiWire) -> None:
    async with transcription(wire) as ref:
        with pytest.raises(RequestTooLong, match=f"more than {LARGEST_UPLOAD} bytes"):
            await hear(ref, *[bytes(2**20)] * 26)
    assert wire.exchanges == []


@pytest.mark.parametrize(
    ("options", "fault", "error"),
    [
        (None, Refuse(401), AuthenticationFailed),
        (None, Refuse(400), InvalidRequest),
        (None, Refuse(413), RequestTooLong),
        (None, Replace(), BrokenStream),
        (None, Replace(b"<html>", "text/html"), BrokenStream),
        (None, Cut(100), BrokenStream),
        (None, End(100), BrokenStream),
        (None, Stall(1), ProviderTimeout),
        (None, Late(), ProviderTimeout),
        (None, Insert(1, b"data: {\n\n"), BrokenStream),
        (None, Insert(1, b'data: {"error":{"message":"x","type":"server_error"}}\n\n'), ProviderUnavailable),
        (WHISPER, End(20), BrokenStream),
        (WHISPER, Replace(b'{"error":{"message":"x","type":"server_error"}}'), ProviderUnavailable),
        (WHISPER, Replace(b"{}"), BrokenStream),
    ],
)
async def test_failures(
    wire: OpenAiWire, options: TranscriptionOptions | None, fault: Fault, error: type[ProviderError]
) -> None:
    wire.fail(TRANSCRIPTIONS, fault)
    async with transcription(wire, options, first=0.2, between=0.1) as ref:
        with pytest.raises(ProviderError) as caught:
            await hear(ref, SECOND)
        assert type(caught.value) is error
        assert (await hear(ref, SECOND))[-1].text == "1.00 seconds of audio"  # the actor lives on
        assert (await ref.ask(GetUsage())).failures == 1


async def test_a_server_that_recovers_is_asked_again(wire: OpenAiWire) -> None:
    wire.fail(TRANSCRIPTIONS, Refuse(503))
    async with transcription(wire) as ref:
        assert (await hear(ref, SECOND))[-1].final
    assert wire.exchanges[0].body == wire.exchanges[1].body


async def test_leaving_closes_the_request(wire: OpenAiWire) -> None:
    wire.fail(TRANSCRIPTIONS, Stall(1))
    async with transcription(wire) as ref:
        async with ref.open(Transcribe()) as recogniser:
            await recogniser.send(SECOND)
            recogniser.finish()
            assert await recogniser.receive() == Transcript("1.00")
        assert await outcome(wire.last(TRANSCRIPTIONS)) == "left"


async def test_nothing_is_sent_while_the_user_speaks(wire: OpenAiWire) -> None:
    async with transcription(wire) as ref, ref.open(Transcribe()) as recogniser:
        await recogniser.send(SECOND)
        await sleep(0.05)
        assert wire.exchanges == []
        recogniser.finish()
        with fail_after(2):
            while not wire.exchanges:
                await sleep(0.002)


async def test_models(wire: OpenAiWire) -> None:
    async with transcription(wire) as ref:
        assert await ref.ask(ListModels())
