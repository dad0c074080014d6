"""Conversations over the realtime API, against its wire server over real sockets."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from anyio import fail_after, sleep
from msgspec.structs import replace
from speech_to_speech import BY_HAND, KEY, PATH, RATE, SPEECH, append, provider, said, talking, until
from troupe.actors.contracts import GetUsage, ListModels
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    InvalidRequest,
    ModelNotFound,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
)
from troupe.actors.providers.openai.wire.realtime import RealtimePrice
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.items import FunctionCall, FunctionCallOutput
from troupe.actors.realtime.responses import CachedTokens, InputTokens, OutputTokens, usage_of
from troupe.actors.realtime.session_config import Audio, AudioInput, AudioOutput, RealtimeSession, Transcription
from troupe.actors.realtime.tools import FunctionTool
from troupe.actors.speech_to_speech.converse import Converse, MintClientSecret
from troupe.runtime import Ref
from troupe.runtime.errors import EndOfChannel
from troupe.services.wire import Close, Cut, Drip, Fault, Insert, Late, Refuse, Replace, Reset, Stall
from troupe.services.wire.openai import OpenAiWire, Reply, ToolUse

pytestmark = [pytest.mark.real_time, pytest.mark.virtual]

ERROR = b'{"type":"error","event_id":"e","error":{"type":"%b","code":"%b","message":"for sk-secret","param":null}}'


def sent(wire: OpenAiWire) -> list[dict[str, Any]]:
    return wire.last(PATH).texts()


@pytest.mark.parametrize("drip", [(), (Drip(7),)], ids=["whole", "drops"])
async def test_a_question_in_text_is_answered_in_sound(wire: OpenAiWire, drip: tuple[Fault, ...]) -> None:
    wire.reply("Fine, thank you.")
    wire.fail(PATH, *drip)
    async with provider(wire) as ref:
        async with talking(ref) as call:
            assert isinstance(created := await call.receive(), server.SessionCreated)
            await call.send(said("How are you?"))
            await call.send(client.ResponseCreate())
            events = await until(call, response.ResponseDone)
            call.finish()
            with fail_after(30), pytest.raises(EndOfChannel):
                while True:
                    await call.receive()
        usage = await ref.ask(GetUsage())
    audio = b"".join(event.delta for event in events if isinstance(event, response.ResponseOutputAudioDelta))
    text = "".join(event.delta for event in events if isinstance(event, response.ResponseOutputAudioTranscriptDelta))
    assert created.session.audio.input.turn_detection is None
    assert text == "Fine, thank you."
    assert len(audio) / (2 * RATE) == pytest.approx(0.06 * len(text), abs=0.01)
    assert (usage.calls, usage.failures) == (1, 0)
    assert usage.output_tokens == 3 + round(20 * 0.06 * len(text))
    assert wire.last(PATH).headers["authorization"] == f"Bearer {KEY}"
    assert wire.last(PATH).outcome == "served"


async def test_only_what_differs_from_the_session_as_it_is_created_is_said(wire: OpenAiWire) -> None:
    async with provider(wire) as ref:
        async with talking(ref, RealtimeSession(model="")) as call:
            await call.receive()
        assert sent(wire) == []
        assert wire.last(PATH).query == {"model": ["gpt-realtime"]}  # its usual one
        tool = FunctionTool(name="weather", parameters={"type": "object", "default": None})
        audio = Audio(input=AudioInput(transcription=Transcription()), output=AudioOutput(voice="marin"))
        wanted = RealtimeSession(model="gpt-x", instructions="Be brief.", tools=(tool,), audio=audio)
        async with talking(ref, wanted) as call:
            created = await call.receive()
    assert sent(wire) == [
        {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "instructions": "Be brief.",
                "tools": [{"type": "function", "name": "weather", "parameters": {"type": "object", "default": None}}],
                "audio": {
                    "input": {"transcription": {"model": "gpt-4o-mini-transcribe"}},
                    "output": {"voice": "marin"},
                },
            },
        }
    ]
    assert isinstance(created, server.SessionCreated)
    assert replace(created.session, id=wanted.id, expires_at=0) == wanted


async def test_a_spoken_turn(wire: OpenAiWire) -> None:
    wire.hear("how late is it")
    audio = Audio(input=AudioInput(transcription=Transcription()))
    async with provider(wire) as ref, talking(ref, RealtimeSession(model="", audio=audio)) as call:
        await append(call, SPEECH)
        events = await until(call, response.ResponseDone)
        usage = await ref.ask(GetUsage())
    assert [type(event) for event in events if isinstance(event, server.InputAudioBufferSpeechStarted)]
    transcript = next(each for each in events if isinstance(each, server.InputAudioTranscriptionCompleted))
    assert transcript.transcript == "how late is it"
    assert usage.input_tokens > 0


async def test_a_recording_is_sent_in_pieces(wire: OpenAiWire) -> None:
    recording = SPEECH * 10
    async with provider(wire) as ref, talking(ref) as call:
        await call.send(client.InputAudioBufferAppend(audio=recording))
        await call.send(client.InputAudioBufferCommit())
        await until(call, server.InputAudioBufferCommitted)
    sizes = [len(event["audio"]) for event in sent(wire) if event["type"] == "input_audio_buffer.append"]
    assert len(sizes) == 3
    assert sum(sizes) * 3 // 4 == pytest.approx(len(recording), abs=6)


async def test_a_tool_is_called_and_its_result_is_told(wire: OpenAiWire) -> None:
    wire.reply(reply=Reply(tool_calls=(ToolUse("weather", '{"city": "Köln"}', "call_a"),)))
    wire.reply("It is raining.")
    async with provider(wire) as ref, talking(ref) as call:
        await call.send(said("Is it raining?"))
        await call.send(client.ResponseCreate())
        done = (await until(call, response.ResponseDone))[-1]
        (made,) = done.response.output
        assert isinstance(made, FunctionCall)
        assert (made.name, json.loads(made.arguments)) == ("weather", {"city": "Köln"})
        output = FunctionCallOutput(call_id=made.call_id, output="rain")
        await call.send(client.ConversationItemCreate(item=output))
        await call.send(client.ResponseCreate())
        done = (await until(call, response.ResponseDone))[-1]
        assert done.response.output[0].content[0].transcript == "It is raining."


async def test_an_answer_is_cut_where_it_was_heard(wire: OpenAiWire) -> None:
    wire.reply("a long answer " * 100)
    async with provider(wire) as ref, talking(ref) as call:
        await call.send(client.ResponseCreate())
        begun = (await until(call, response.ResponseOutputAudioDelta))[-1]
        await call.send(client.ResponseCancel())
        done = (await until(call, response.ResponseDone))[-1]
        assert done.response.status == "cancelled"
        cut = client.ConversationItemTruncate(item_id=begun.item_id, content_index=0, audio_end_ms=40)
        await call.send(cut)
        assert (await until(call, server.ConversationItemTruncated))[-1].audio_end_ms == 40


async def test_leaving_cancels_what_is_being_answered(wire: OpenAiWire) -> None:
    wire.reply("a long answer " * 1000)
    async with provider(wire) as ref:
        async with talking(ref) as call:
            await call.send(client.ResponseCreate())
            await until(call, response.ResponseOutputAudioDelta)
        with fail_after(30):
            while not wire.last(PATH).ended.is_set():
                await sleep(0.01)
        assert sent(wire)[-1] == {"type": "response.cancel"}
        assert wire.last(PATH).outcome == "served"  # it was closed in good order
        assert (await ref.ask(GetUsage())).failures == 0


async def test_finishing_has_the_answer_told_to_its_end(wire: OpenAiWire) -> None:
    async with provider(wire) as ref, talking(ref) as call:
        await call.send(said("Hello"))
        await call.send(client.ResponseCreate())
        call.finish()
        with fail_after(30):
            events = [event async for event in call]
    assert any(isinstance(event, response.ResponseDone) for event in events)


async def test_a_caller_that_does_not_read_holds_the_provider_back(wire: OpenAiWire) -> None:
    wire.reply("a long answer " * 2000)
    async with provider(wire, between=1) as ref, talking(ref) as call:
        await call.receive()
        await call.send(client.ResponseCreate())
        exchange, before = wire.last(PATH), -1
        while exchange.sent != before:  # 100 MB would be sent, and nothing is that is not read
            before = exchange.sent
            await sleep(0.3)
        assert exchange.sent < 32 * 2**20
        await until(call, response.ResponseOutputAudioDelta)  # that it waited is no fault of the provider


async def test_what_is_not_known_is_counted_and_what_a_client_does_wrong_is_told(wire: OpenAiWire) -> None:
    wire.fail(PATH, Insert(2, b'{"type":"response.news","event_id":"event_1"}'))
    async with provider(wire) as ref, talking(ref) as call:
        await call.send(client.ConversationItemDelete(item_id="item_none", event_id="mine"))
        refused = (await until(call, server.ErrorEvent))[-1]
        usage = await ref.ask(GetUsage())
    assert (refused.error.code, refused.error.event_id) == ("item_delete_invalid_item_id", "mine")
    assert usage.unknown == 1


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Refuse(401), AuthenticationFailed),
        (Refuse(429, "insufficient_quota"), QuotaExceeded),
        (Late(), ProviderTimeout),
        (Stall(0), ProviderTimeout),
        (Replace(), BrokenStream),
        (Replace(ERROR % (b"invalid_request_error", b"invalid_api_key")), AuthenticationFailed),
        (Replace(ERROR % (b"invalid_request_error", b"invalid_model")), ModelNotFound),
        (Replace(b"nonsense"), BrokenStream),
        (Close(0, 3000, "invalid_request_error"), AuthenticationFailed),
        (Reset(100), BrokenStream),
    ],
    ids=repr,
)
async def test_a_session_that_does_not_begin(wire: OpenAiWire, fault: Fault, expected: type[ProviderError]) -> None:
    for _ in range(3):  # what may be tried again is
        wire.fail(PATH, fault)
    async with provider(wire, first=0.5 if expected is ProviderTimeout else 15) as ref:
        with fail_after(60), pytest.raises(expected) as caught:
            async with talking(ref) as call:
                await call.receive()
        assert (await ref.ask(GetUsage())).failures == 1
    assert "sk-" not in f"{caught.value}{caught.value.details}"


@pytest.fixture
def locked() -> Iterator[OpenAiWire]:
    with OpenAiWire(keys=["another"]) as wire:
        yield wire


async def test_a_wrong_key_is_told_after_the_upgrade(locked: OpenAiWire) -> None:
    async with provider(locked) as ref:
        with pytest.raises(AuthenticationFailed):
            async with talking(ref) as call:
                await call.receive()
    assert locked.last(PATH).outcome == "served"


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Close(8, 1011), ProviderUnavailable),
        (Close(8, 1001, "Your session hit the maximum duration of 60 minutes."), BrokenStream),
        (Close(8, 1008, "policy"), ProviderError),
        (Close(8, 1000), BrokenStream),
        (Stall(8), ProviderTimeout),
        (Insert(8, b"{broken"), BrokenStream),
        (Insert(8, ERROR % (b"insufficient_quota", b"insufficient_quota")), QuotaExceeded),
        (Reset(6000), BrokenStream),
        (Cut(6000), BrokenStream),
    ],
    ids=repr,
)
async def test_a_session_that_breaks_off_in_an_answer(
    wire: OpenAiWire, fault: Fault, expected: type[ProviderError]
) -> None:
    wire.fail(PATH, fault)
    async with provider(wire, between=0.3 if expected is ProviderTimeout else 10) as ref:
        with pytest.raises(expected) as caught:
            async with talking(ref) as call:
                await call.send(said("Hello"))
                await call.send(client.ResponseCreate())
                await until(call, response.ResponseDone)
        assert (await ref.ask(GetUsage())).failures == 1
    assert "sk-" not in f"{caught.value}{caught.value.details}"


async def test_a_question_that_nobody_answers(wire: OpenAiWire) -> None:
    wire.fail(PATH, Stall(4))
    async with provider(wire, first=0.6) as ref:
        with pytest.raises(ProviderTimeout):
            async with talking(ref) as call:
                await call.send(said("Hello"))
                await call.send(client.ResponseCreate())
                await until(call, response.ResponseDone)


async def test_nobody_is_waited_for_while_the_user_thinks(wire: OpenAiWire) -> None:
    async with provider(wire, first=0.6, between=0.6) as ref, talking(ref) as call:
        await call.receive()
        await sleep(1)
        await call.send(said("Hello"))
        await until(call, server.ConversationItemDone)


async def ended(ref: Ref, wire: OpenAiWire) -> list[Any]:
    """All events of a call that the provider ends."""
    async with talking(ref) as call:
        await call.send(client.ResponseCreate())
        with fail_after(30):
            return [event async for event in call]


async def test_a_session_whose_time_is_up_ends_without_an_error(wire: OpenAiWire) -> None:
    wire.fail(PATH, Insert(30, ERROR % (b"invalid_request_error", b"session_expired")))
    wire.reply("a long answer " * 100)
    async with provider(wire) as ref:
        events = await ended(ref, wire)
        assert not any(isinstance(event, response.ResponseDone | server.ErrorEvent) for event in events)
        assert (await ref.ask(GetUsage())).failures == 0


async def test_a_session_is_given_up_in_time_but_not_in_an_answer(wire: OpenAiWire) -> None:
    wire.reply("a long answer " * 20)
    async with provider(wire, lifetime=0.01) as ref:
        events = await ended(ref, wire)
    done = next(event for event in events if isinstance(event, response.ResponseDone))
    assert done.response.status == "completed"


async def test_keys_for_browsers(wire: OpenAiWire) -> None:
    async with provider(wire) as ref:
        session = RealtimeSession(model="", instructions="Be brief.", audio=Audio(output=AudioOutput(voice="marin")))
        minted = await ref.ask(MintClientSecret(session=session, seconds=60))
        assert minted.value.startswith("ek_")
        assert minted.session.instructions == "Be brief."
        assert wire.last("/v1/realtime/client_secrets").json() == {
            "expires_after": {"anchor": "created_at", "seconds": 60},
            "session": {
                "type": "realtime",
                "model": "gpt-realtime",
                "instructions": "Be brief.",
                "audio": {"output": {"voice": "marin"}},
            },
        }
        before = len(wire.exchanges)
        for wrong in (
            MintClientSecret(session=session, seconds=5),
            MintClientSecret(session=replace(session, audio=Audio(output=AudioOutput(speed=3)))),
        ):
            with pytest.raises(InvalidRequest):
                await ref.ask(wrong)
        assert len(wire.exchanges) == before
        assert await ref.ask(ListModels())


async def test_it_is_one_of_many_conversations(wire: OpenAiWire) -> None:
    async with provider(wire) as ref, talking(ref) as first, talking(ref) as second:
        for number, call in enumerate((first, second)):
            await call.send(said(f"I am {number}"))
            await call.send(client.ResponseCreate())
        for number, call in enumerate((first, second)):
            done = (await until(call, response.ResponseDone))[-1]
            assert done.response.output[0].content[0].transcript == f"You said: I am {number}"


def test_what_a_response_costs() -> None:
    price = RealtimePrice(
        text_input=4, text_cached=0.4, text_output=16, audio_input=32, audio_cached=0.5, audio_output=64
    )
    cached = CachedTokens(text_tokens=50, audio_tokens=100)
    inputs = InputTokens(text_tokens=150, audio_tokens=300, cached_tokens=150, cached_tokens_details=cached)
    used = usage_of(inputs, OutputTokens(text_tokens=10, audio_tokens=20))
    dollars = (100 * 4 + 50 * 0.4 + 200 * 32 + 100 * 0.5 + 10 * 16 + 20 * 64) / 1e6
    assert price.cost(used) == pytest.approx(dollars)


def test_a_request_says_how_to_begin() -> None:
    assert Converse(session=BY_HAND).session.audio.input.turn_detection is None
