"""A conversation goes on where its connection ends: over real sockets, against OpenAI's wire server."""

from base64 import b64decode
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from anyio import fail_after, sleep
from conversations import Grammar
from msgspec.structs import replace
from speech_to_speech import BY_HAND, KEY, PATH, SPEECH, append, said, talking, until
from troupe.actors.errors import AuthenticationFailed, ProviderError
from troupe.actors.http import Deadlines, HttpClient
from troupe.actors.providers.openai.endpoint import endpoint
from troupe.actors.providers.openai.realtime import OpenAiRealtime
from troupe.actors.providers.openai.wire.realtime import RealtimePrice
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.session_config import Audio, AudioInput, RealtimeSession, Transcription
from troupe.actors.routing import BreakerPolicy, ListProviders, Provider
from troupe.actors.secret import Secret
from troupe.actors.speech_to_speech.router import ConversationPatience, FallbackConversation
from troupe.runtime import Ref, child, open_system
from troupe.services.wire import Close, Fault, Insert, Refuse, Reset, Stall
from troupe.services.wire.openai import OpenAiWire, Reply, ToolUse

pytestmark = [pytest.mark.real_time, pytest.mark.virtual]

EXPIRED = b'{"type":"error","event_id":"e","error":{"type":"invalid_request_error","code":"session_expired"}}'


@pytest.fixture(scope="module")
def running_wires() -> Iterator[tuple[OpenAiWire, OpenAiWire]]:
    with OpenAiWire() as first, OpenAiWire() as second:
        yield first, second


@pytest.fixture
def wires(running_wires: tuple[OpenAiWire, OpenAiWire]) -> tuple[OpenAiWire, OpenAiWire]:
    for wire in running_wires:
        wire.reset()
    return running_wires


@pytest.fixture
def wire(wires: tuple[OpenAiWire, OpenAiWire]) -> OpenAiWire:
    return wires[0]


@asynccontextmanager
async def routed(
    *wires: OpenAiWire, lifetime: float = 3600, policy: BreakerPolicy | None = None, **deadlines: float
) -> AsyncGenerator[Ref]:
    async with HttpClient.open() as http:
        actors = []
        for number, wire in enumerate(wires):
            at = endpoint("openai", base_url=wire.base_url, key=Secret(KEY), deadlines=Deadlines(**deadlines))
            actors.append(child(OpenAiRealtime, http, at, "gpt", RealtimePrice(), lifetime, name=f"talker-{number}"))
        providers = [Provider(actor.name, models={"*": f"gpt-{number}"}) for number, actor in enumerate(actors)]
        patience = ConversationPatience()
        router = child(FallbackConversation, providers, patience, policy or BreakerPolicy(), name="router")
        async with open_system(*actors, router) as system:
            yield system.ref("router")


def retold(wire: OpenAiWire) -> list[tuple[str, str]]:
    """The items of which the latest connection was told."""
    return [
        (event["item"].get("role", event["item"]["type"]), str(next(iter(event["item"].get("content", [{}])), {})))
        for event in wire.last(PATH).texts()
        if event["type"] == "conversation.item.create"
    ]


def text_of(events: list[Any]) -> str:
    return "".join(event.delta for event in events if isinstance(event, response.ResponseOutputAudioTranscriptDelta))


async def ask(call: Any, text: str) -> list[Any]:
    await call.send(said(text))
    await call.send(client.ResponseCreate())
    return await until(call, response.ResponseDone)


async def drop(wire: OpenAiWire) -> None:
    """Break the connection that is there."""
    exchange = wire.last(PATH)
    exchange.strike(Reset(0))
    with fail_after(30):
        while not exchange.ended.is_set():
            await sleep(0.005)


@pytest.mark.parametrize("count", [1, 2], ids=["same", "another"])
async def test_the_next_connection_is_told_the_conversation(wires: tuple[OpenAiWire, OpenAiWire], count: int) -> None:
    first, second = wires[0], wires[count - 1]
    first.reply("Hello Ann.")
    async with routed(*wires[:count]) as ref, talking(ref) as call:
        await ask(call, "I am Ann")
        await drop(first)
        second.reply("You are Ann.")
        events = await ask(call, "Who am I")
        assert text_of(events) == "You are Ann."
        assert events[-1].response.status == "completed"
        added = [event.item.role for event in events if isinstance(event, server.ConversationItemAdded)]
        assert added == ["user", "assistant"]  # what was told again is not told to the caller
        statuses = await ref.ask(ListProviders())
    assert [role for role, _ in retold(second)] == ["user", "assistant", "user"]
    assert "'output_text', 'text': 'Hello Ann.'" in retold(second)[1][1]
    assert second.last(PATH).query == {"model": [f"gpt-{count - 1}"]}
    assert statuses[0].breaker.failures == 1


async def test_an_answer_that_has_begun_is_ended_and_what_was_told_of_it_is_told_on(wire: OpenAiWire) -> None:
    wire.reply("one two three four five " * 30)
    wire.fail(PATH, Close(60, 1011))
    async with routed(wire) as ref, talking(ref) as call:
        events = await ask(call, "Count.")
        done = events[-1].response
        assert (done.status, done.status_details.error.code) == ("failed", "broken_stream")
        assert done.output[0].content[0].transcript == text_of(events)
        assert done.output[0].status == "incomplete"
        grammar = Grammar()
        for event in events:
            grammar.check(event)
        kinds = [type(event) for event in events]
        assert kinds.count(response.ResponseDone) == kinds.count(response.ResponseOutputItemDone) == 1
        wire.reply("Fine.")
        assert text_of(await ask(call, "Go on.")) == "Fine."
    assert text_of(events).strip() in retold(wire)[1][1]


@pytest.mark.parametrize("fault", [Stall(4), Close(4, 1011), Reset(2200)], ids=repr)
async def test_an_answer_that_has_not_begun_is_asked_for_again(wire: OpenAiWire, fault: Fault) -> None:
    wire.fail(PATH, fault)
    for _ in range(2):
        wire.reply("Here it is.")
    async with routed(wire, first=1, between=1) as ref, talking(ref) as call:
        events = await ask(call, "Where is it?")
        assert text_of(events) == "Here it is."
        created = [event for event in events if isinstance(event, response.ResponseCreated)]
        assert len(created) == 1
        ids = {event.response_id for event in events if hasattr(event, "response_id")}
        assert ids == {created[0].response.id, events[-1].response.id}  # the caller knows it by one name
        assert events[-1].response.status == "completed"
        await call.send(client.ConversationItemRetrieve(item_id=events[-1].response.output[0].id))
        await until(call, server.ConversationItemRetrieved)


async def test_what_was_heard_is_told_and_no_more(wire: OpenAiWire) -> None:
    wire.reply("one two three four five six seven eight nine ten")
    async with routed(wire) as ref, talking(ref) as call:
        item = (await ask(call, "Count."))[-1].response.output[0]
        half = client.ConversationItemTruncate(item_id=item.id, content_index=0, audio_end_ms=1400)
        await call.send(half)  # of 2880
        await until(call, server.ConversationItemTruncated)
        await drop(wire)
        await ask(call, "Go on.")
    told = retold(wire)[1][1]
    assert "one two three four" in told
    assert "six" not in told


async def test_a_turn_that_was_spoken_is_told_as_its_transcript_or_else_as_audio(wire: OpenAiWire) -> None:
    for transcription in (Transcription(), None):
        wire.reset()
        wire.hear("how late is it")
        session = replace(BY_HAND, audio=Audio(input=AudioInput(turn_detection=None, transcription=transcription)))
        async with routed(wire) as ref, talking(ref, session) as call:
            await append(call, SPEECH)
            await call.send(client.InputAudioBufferCommit())
            await call.send(client.ResponseCreate())
            await until(call, response.ResponseDone)
            await drop(wire)
            await ask(call, "Go on.")
        told = next(event for event in wire.last(PATH).texts() if event["type"] == "conversation.item.create")
        if transcription is not None:
            assert told["item"]["content"] == [{"type": "input_text", "text": "how late is it"}]
        else:
            assert len(told["item"]["content"][0]["audio"]) == len(SPEECH) // 3 * 4


async def test_a_turn_that_was_being_spoken_is_heard_whole(wire: OpenAiWire) -> None:
    cut = 48_000
    session = RealtimeSession(model="", audio=Audio(input=AudioInput(transcription=Transcription())))
    async with routed(wire) as ref, talking(ref, session) as call:
        await append(call, bytes(48_000) + SPEECH[: cut // 2])
        started = (await until(call, server.InputAudioBufferSpeechStarted))[-1]
        await drop(wire)
        await append(call, SPEECH[cut // 2 :])
        events = await until(call, response.ResponseDone)
    again = next(event for event in events if isinstance(event, server.InputAudioBufferSpeechStarted))
    stopped = next(event for event in events if isinstance(event, server.InputAudioBufferSpeechStopped))
    assert started.audio_start_ms == pytest.approx(700, abs=40)
    assert again.audio_start_ms == pytest.approx(700, abs=40)  # by the one clock that the caller knows
    assert stopped.audio_end_ms == pytest.approx(2000 + 200, abs=40)
    heard = next(event for event in events if isinstance(event, server.InputAudioTranscriptionCompleted))
    assert float(heard.transcript.split()[0]) == pytest.approx(1.5, abs=0.1)


async def test_what_was_asked_and_not_answered_is_asked_again(wire: OpenAiWire) -> None:
    wire.fail(PATH, Stall(2))
    async with routed(wire, first=1) as ref, talking(ref) as call:
        await call.receive()
        await call.send(said("Hello"))
        await append(call, SPEECH)
        await call.send(client.InputAudioBufferCommit(event_id="mine"))
        await append(call, SPEECH[:9600])
        await call.send(client.InputAudioBufferCommit())
        await call.send(client.ResponseCreate())  # which is what makes the silence a fault
        events = await until(call, response.ResponseDone)
    committed = [event for event in events if isinstance(event, server.InputAudioBufferCommitted)]
    assert len(committed) == 2
    audio = [b64decode(event["audio"]) for event in wire.last(PATH).texts() if event["type"].endswith("append")]
    assert b"".join(audio) == SPEECH + SPEECH[:9600]


async def test_calls_and_results_are_told_together(wire: OpenAiWire) -> None:
    wire.reply(reply=Reply(tool_calls=(ToolUse("weather", "{}", "call_a"),)))
    async with routed(wire) as ref, talking(ref) as call:
        await ask(call, "Is it raining?")
        await drop(wire)
        await ask(call, "Well?")
        assert [role for role, _ in retold(wire)] == ["user", "function_call", "user"]


async def test_the_session_is_configured_as_it_was(wire: OpenAiWire) -> None:
    async with routed(wire) as ref, talking(ref) as call:
        await call.send(client.SessionUpdate(session={"type": "realtime", "instructions": "Be brief."}))
        await until(call, server.SessionUpdated)
        await drop(wire)
        await ask(call, "Hello")
    updates = [event for event in wire.last(PATH).texts() if event["type"] == "session.update"]
    assert updates == [
        {
            "type": "session.update",
            "session": {
                "type": "realtime",
                "instructions": "Be brief.",
                "audio": {"input": {"turn_detection": None}},
            },
        }
    ]


async def test_a_session_whose_time_is_up_goes_on(wire: OpenAiWire) -> None:
    wire.fail(PATH, Insert(14, EXPIRED))
    wire.reply("a long answer " * 20)
    async with routed(wire) as ref, talking(ref) as call:
        assert (await ask(call, "Go on."))[-1].response.status == "failed"
        assert text_of(await ask(call, "Hello")) == "You said: Hello"
        (status,) = await ref.ask(ListProviders())
    assert status.breaker.failures == 0


async def test_mistakes_are_told_under_the_caller_s_own_ids(wire: OpenAiWire) -> None:
    async with routed(wire) as ref, talking(ref) as call:
        for event_id in ("mine", None):
            await call.send(client.ConversationItemDelete(item_id="item_none", event_id=event_id))
            assert (await until(call, server.ErrorEvent))[-1].error.event_id == event_id


async def test_who_can_not_begin_is_told(wires: tuple[OpenAiWire, OpenAiWire]) -> None:
    for wire in wires:
        wire.fail(PATH, Refuse(401))
    async with routed(*wires) as ref:
        with pytest.raises(AuthenticationFailed) as caught:
            async with talking(ref) as call:
                await call.receive()
    assert [each["code"] for each in caught.value.details["attempts"]] == ["authentication_failed"] * 2


async def test_a_provider_that_always_drops_is_given_up(wire: OpenAiWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troupe.actors.speech_to_speech.router.PAUSES", (0.0, 0.01))
    wire.always(PATH, Close(4, 1011))
    async with routed(wire) as ref:
        with pytest.raises(ProviderError):
            async with talking(ref) as call:
                await ask(call, "Hello")
                await until(call, server.ErrorEvent)
    wire.always(PATH)
    assert len(wire.exchanges) == 3


async def test_finishing_ends_it(wire: OpenAiWire) -> None:
    async with routed(wire) as ref, talking(ref) as call:
        await call.send(said("Hello"))
        await call.send(client.ResponseCreate())
        call.finish()
        with fail_after(30):
            assert text_of([event async for event in call]) == "You said: Hello"
    assert wire.last(PATH).outcome == "served"


@pytest.mark.one_back_end
async def test_wherever_a_connection_ends_nothing_is_lost_or_told_twice(wire: OpenAiWire) -> None:
    """It is closed before each message of a conversation of two turns, in turn."""
    lenient = BreakerPolicy(consecutive=1000, least=1000)
    async with routed(wire, policy=lenient) as ref:
        ended = 0
        for after in range(2, 80):  # from where it has begun
            wire.reset()
            wire.fail(PATH, Close(after, 1011))
            async with talking(ref) as call:
                grammar, done = Grammar(), []
                for text in ("one two three", "four five six"):
                    for event in await ask(call, text):
                        grammar.check(event)
                        if isinstance(event, response.ResponseDone):
                            done.append(event.response)
                await call.send(last := said("seven"))
                await call.send(client.ConversationItemRetrieve(item_id=last.item.id))
                await until(call, server.ConversationItemRetrieved)  # by a connection that was told all this
            connections = [exchange for exchange in wire.exchanges if exchange.path == PATH]
            if len(connections) == 1:
                assert [each.status for each in done] == ["completed", "completed"]
                break
            ended += 1
            assert len(connections) == 2
            assert [each.status for each in done].count("failed") <= 1
            said_last = connections[-1].texts()
            known = [("user", "one two three"), *spoken(done[0]), ("user", "four five six"), *spoken(done[1])]
            known.append(("user", "seven"))
            items = [event["item"] for event in said_last if event["type"] == "conversation.item.create"]
            again = [(item["role"], item["content"][0]["text"]) for item in items]
            answered = sum(event["type"] == "response.create" for event in said_last)
            missing = [each for each in known if each not in again]
            assert again == [each for each in known if each in again]  # in order, each once
            assert len({item["id"] for item in items}) == len(items)
            assert [role for role, _ in missing] == ["assistant"] * answered  # what was answered there, it knows
        assert ended > 40


async def test_wherever_a_connection_ends_in_a_spoken_turn_it_is_answered_once(wire: OpenAiWire) -> None:
    lenient = BreakerPolicy(consecutive=1000, least=1000)
    async with routed(wire, policy=lenient) as ref:
        for after in range(1, 40):
            wire.reset()
            for _ in range(2):
                wire.reply("Yes.")
            wire.fail(PATH, Close(after, 1011))
            async with talking(ref, RealtimeSession(model="")) as call:
                grammar, completed = Grammar(), 0
                await append(call, SPEECH)
                with fail_after(30):
                    while not completed:
                        event = await call.receive()
                        grammar.check(event)
                        if isinstance(event, response.ResponseDone):
                            completed += event.response.status == "completed"
                            if event.response.status == "failed":
                                break  # it had begun
            if len(wire.exchanges) == 1:
                break


def spoken(answer: Any) -> list[tuple[str, str]]:
    parts = [part for item in answer.output for part in item.content]
    return [("assistant", part.transcript) for part in parts if part.transcript]
