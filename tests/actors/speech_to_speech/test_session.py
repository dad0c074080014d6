"""A client's session whose other end is OpenAI's wire server: over real sockets, event by event."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from anyio import fail_after, sleep, to_thread
from conversations import Caller, Recogniser, Script, scripted_system
from speech_to_speech import KEY, PATH, SPEECH, relaying_system, said
from troupe.actors.errors import AuthenticationFailed, ProviderError
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime import session_update
from troupe.actors.realtime.errors import ClientMistake
from troupe.actors.realtime.items import FunctionCall, FunctionCallOutput
from troupe.actors.realtime.names import Dialect
from troupe.actors.realtime.session_config import RealtimeSession
from troupe.actors.speech_to_speech.converse import Converse
from troupe.actors.speech_to_speech.session import RelayedSession
from troupe.actors.voice.session import Connect
from troupe.actors.voice.tape import Asked, Heard, Told, read_tape
from troupe.runtime import Actor, Duplex, Restart, child
from troupe.services.wire import Close, Insert, Refuse, Reset
from troupe.services.wire.openai import OpenAiWire, Reply, ToolUse

pytestmark = [pytest.mark.real_time, pytest.mark.virtual]

SESSION = RealtimeSession(id="sess_ours", model="troupe", expires_at=7)


@pytest.fixture(scope="module")
def running_wire() -> Iterator[OpenAiWire]:
    with OpenAiWire() as wire:
        yield wire


@pytest.fixture
def wire(running_wire: OpenAiWire) -> OpenAiWire:
    running_wire.reset()
    return running_wire


@asynccontextmanager
async def relayed(
    wire: OpenAiWire, session: RealtimeSession = SESSION, dialect: Dialect = Dialect.GA, **services: Any
) -> AsyncGenerator[Caller]:
    async with relaying_system(wire.base_url, **services) as voice:
        spec = child(RelayedSession, session, voice.services, name="session", restart=Restart.TEMPORARY)
        ref = await voice.sessions.start_child(spec)
        async with ref.open(Connect(dialect=dialect), timeout=3600, buffer=512) as events:
            yield Caller(events, Script(), voice.services.tally)


async def ask(caller: Caller, text: str = "Hello") -> Any:
    await caller.send(said(text))
    await caller.send(client.ResponseCreate())
    done = await caller.until(response.ResponseDone)
    assert isinstance(done, response.ResponseDone)
    return done.response


def sent(wire: OpenAiWire, kind: str) -> list[dict[str, Any]]:
    return [event for event in wire.last(PATH).texts() if event["type"] == kind]


async def test_a_client_sees_our_session_and_the_provider_sees_our_key(wire: OpenAiWire) -> None:
    async with relayed(wire) as caller:
        created = await caller.until(server.SessionCreated)
        assert isinstance(created, server.SessionCreated)
        assert created.session == SESSION
        await caller.send(client.SessionUpdate(session={"type": "realtime", "instructions": "Be brief."}))
        updated = await caller.until(server.SessionUpdated)
        assert isinstance(updated, server.SessionUpdated)
        assert (updated.session.id, updated.session.model, updated.session.expires_at) == ("sess_ours", "troupe", 7)
        assert updated.session.instructions == "Be brief."
    assert wire.last(PATH).headers["authorization"] == f"Bearer {KEY}"
    assert wire.last(PATH).query == {"model": ["gpt-realtime"]}
    assert [event["session"] for event in sent(wire, "session.update")] == [
        {"type": "realtime", "instructions": "Be brief."}
    ]


async def test_a_client_of_the_beta(wire: OpenAiWire) -> None:
    async with relayed(wire, dialect=Dialect.BETA) as caller:
        flat = {"voice": "marin", "turn_detection": None, "input_audio_format": "g711_ulaw"}
        await caller.send(client.SessionUpdate(session=flat))
        updated = await caller.until(server.SessionUpdated)
        assert isinstance(updated, server.SessionUpdated)
    assert session_update.difference(SESSION, updated.session) == {
        "type": "realtime",
        "audio": {
            "input": {"format": {"type": "audio/pcmu"}, "turn_detection": None},
            "output": {"voice": "marin"},
        },
    }
    assert sent(wire, "session.update")[0]["session"] == session_update.difference(SESSION, updated.session)


async def test_the_client_s_own_playback_is_its_own_affair(wire: OpenAiWire) -> None:
    async with relayed(wire) as caller:
        done = await ask(caller)
        await caller.send(client.OutputAudioBufferClear())
        cleared = await caller.until(server.OutputAudioBufferCleared)
        assert isinstance(cleared, server.OutputAudioBufferCleared)
        assert cleared.response_id == done.id


async def test_a_spoken_turn_is_answered_and_counted(wire: OpenAiWire) -> None:
    wire.reply("Fine, thank you.")
    async with relayed(wire) as caller:
        for start in range(0, len(SPEECH), 4800):
            await caller.send(client.InputAudioBufferAppend(audio=SPEECH[start : start + 4800]))
        done = await caller.until(response.ResponseDone)
        assert isinstance(done, response.ResponseDone)
        assert done.response.output[0].content[0].transcript == "Fine, thank you."
        tally = caller.tally
    assert (tally.turns, tally.failed, tally.interruptions) == (1, 0, 0)
    assert tally.answer.count == 1
    assert not caller.all(response.RateLimitsUpdated)  # those are of our account


async def test_our_own_limits_are_told(wire: OpenAiWire) -> None:
    limit = response.RateLimit(name="requests", limit=9, remaining=8, reset_seconds=1)
    async with relayed(wire, rate_limits=lambda: (limit,)) as caller:
        await ask(caller)
        told = await caller.until(response.RateLimitsUpdated)
    assert isinstance(told, response.RateLimitsUpdated)
    assert told.rate_limits == (limit,)


async def test_tools_are_the_client_s(wire: OpenAiWire) -> None:
    wire.reply(reply=Reply(tool_calls=(ToolUse("weather", "{}", "call_a"),)))
    wire.reply("It is raining.")
    async with relayed(wire) as caller:
        tool = {"type": "function", "name": "weather", "parameters": {"type": "object"}}
        await caller.send(client.SessionUpdate(session={"type": "realtime", "tools": [tool]}))
        (call,) = (await ask(caller)).output
        assert isinstance(call, FunctionCall)
        output = FunctionCallOutput(call_id=call.call_id, output="rain")
        await caller.send(client.ConversationItemCreate(item=output))
        await caller.send(client.ResponseCreate())
        done = await caller.until(response.ResponseDone)
        assert isinstance(done, response.ResponseDone)
    assert sent(wire, "session.update")[0]["session"]["tools"] == [tool]
    assert done.response.output[0].content[0].transcript == "It is raining."


async def test_interrupting_and_truncating(wire: OpenAiWire) -> None:
    wire.reply("a long answer " * 300)
    async with relayed(wire) as caller:
        await caller.send(client.ResponseCreate())
        begun = await caller.until(response.ResponseOutputAudioDelta)
        assert isinstance(begun, response.ResponseOutputAudioDelta)
        for start in range(0, len(SPEECH) // 2, 4800):
            await caller.send(client.InputAudioBufferAppend(audio=SPEECH[start : start + 4800]))
        done = await caller.until(response.ResponseDone)
        assert isinstance(done, response.ResponseDone)
        assert done.response.status_details is not None
        assert done.response.status_details.reason == "turn_detected"
        assert caller.tally.interruptions == 1
        await caller.send(client.ConversationItemTruncate(item_id=begun.item_id, content_index=0, audio_end_ms=60))
        await caller.until(server.ConversationItemTruncated)
    assert [event["audio_end_ms"] for event in sent(wire, "conversation.item.truncate")] == [60]


async def test_mistakes_are_told_and_change_nothing(wire: OpenAiWire) -> None:
    async with relayed(wire) as caller:
        for wrong in (
            client.SessionUpdate(session={"type": "realtime", "instructions": 7}, event_id="a"),
            ClientMistake("invalid_json", "no", event_id="b"),
            client.ConversationItemDelete(item_id="item_none", event_id="c"),
        ):
            await caller._conversation.send(wrong)
            await caller.until(server.ErrorEvent)
        await caller.send(client.SessionUpdate(session={"type": "realtime"}))
        updated = await caller.until(server.SessionUpdated)
        assert isinstance(updated, server.SessionUpdated)
        assert updated.session == SESSION
    told = [event.error for event in caller.all(server.ErrorEvent) if isinstance(event, server.ErrorEvent)]
    assert [(error.event_id, error.code) for error in told] == [
        ("a", "invalid_type"),
        ("b", "invalid_json"),
        ("c", "item_delete_invalid_item_id"),
    ]


class Stubborn(Actor):
    """Takes no truncation."""

    async def converse(self, request: Converse, caller: Duplex[server.ServerEvent, client.ClientEvent]) -> None:
        await caller.send(server.SessionCreated(session=request.session))
        async for event in caller:
            assert isinstance(event, client.SessionUpdate)
            if "truncation" in event.session:
                mistake = ClientMistake("unknown_parameter", "no", "session.truncation")
                await caller.send(server.error_event(mistake, event.event_id))
            else:
                await caller.send(server.SessionUpdated(session=request.session))


async def test_an_update_that_the_provider_refuses_does_not_hold() -> None:
    script = Script()
    providers = (*(child(Recogniser, script, name=part) for part in ("stt", "llm", "tts")), child(Stubborn, name="s2s"))
    async with scripted_system(script, providers=providers) as voice:
        services = replace(voice.services, conversation=voice.system.ref("s2s"))
        spec = child(RelayedSession, SESSION, services, name="session", restart=Restart.TEMPORARY)
        ref = await voice.sessions.start_child(spec)
        async with ref.open(Connect(), timeout=3600) as events:
            caller = Caller(events, script, services.tally)
            for number, patch in enumerate(({"truncation": "disabled"}, {"instructions": "Be brief."})):
                await caller.send(
                    client.SessionUpdate(session={"type": "realtime", **patch}, event_id=f"mine-{number}")
                )
            refused = await caller.until(server.ErrorEvent)
            updated = await caller.until(server.SessionUpdated)
    assert isinstance(refused, server.ErrorEvent)
    assert (refused.error.event_id, refused.error.code) == ("mine-0", "unknown_parameter")
    assert isinstance(updated, server.SessionUpdated)
    assert updated.session.instructions == "Be brief."
    assert updated.session.truncation == "auto"


async def test_what_is_between_us_and_the_provider_stays_there(wire: OpenAiWire) -> None:
    bill = b'{"type":"error","event_id":"e","error":{"type":"server_error","code":"x","message":"org-secret"}}'
    failed = (
        b'{"type":"response.done","event_id":"e","response":{"id":"resp_1","status":"failed","output":[],'
        b'"status_details":{"type":"failed","error":{"type":"server_error","code":"rate_limit_exceeded",'
        b'"message":"Limit of organization org-secret"}}}}'
    )
    created = b'{"type":"response.created","event_id":"e","response":{"id":"resp_1","status":"in_progress"}}'
    wire.fail(PATH, Insert(1, bill), Insert(1, created), Insert(1, failed))
    async with relayed(wire) as caller:
        await caller.send(said("Hello"))
        await caller.until(server.ConversationItemDone)
        (error,) = caller.all(server.ErrorEvent)
        (done,) = caller.all(response.ResponseDone)
        assert isinstance(error, server.ErrorEvent)
        assert isinstance(done, response.ResponseDone)
        assert caller.tally.errors == {"rate_limited": 1}
    assert done.response.status_details is not None
    assert "secret" not in f"{error}{done}"
    assert error.error.type == "server_error"


async def test_the_session_outlives_its_connections(wire: OpenAiWire) -> None:
    async with relayed(wire) as caller:
        await ask(caller, "I am Ann")
        exchange = wire.last(PATH)
        exchange.strike(Reset(0))
        with fail_after(30):
            while not exchange.ended.is_set():
                await sleep(0.005)
        assert (await ask(caller, "Who am I")).status == "completed"
    assert len(sent(wire, "conversation.item.create")) == 3


async def test_whoever_can_not_be_reached_is_not_talked_with(wire: OpenAiWire) -> None:
    wire.fail(PATH, Refuse(401))
    with pytest.raises(AuthenticationFailed):
        async with relayed(wire) as caller:
            await caller.until(server.SessionCreated)


async def test_a_provider_that_is_gone_for_good_ends_the_session(
    wire: OpenAiWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("troupe.actors.speech_to_speech.router.PAUSES", (0.0,))
    wire.fail(PATH, Close(1, 1011))
    wire.fail(PATH, Refuse(403))
    with pytest.raises(ProviderError):
        async with relayed(wire) as caller:
            await caller.send(said("Hello"))
            await caller.until(server.ErrorEvent)


async def test_what_is_said_is_recorded(wire: OpenAiWire, tmp_path: Path) -> None:
    async with relayed(wire, record=tmp_path) as caller:
        await ask(caller)
    tape = await to_thread.run_sync(lambda: read_tape(next(tmp_path.iterdir())))
    kinds = [type(record) for record in tape.records]
    assert kinds[0] is Asked
    assert kinds.count(Heard) == 2
    assert kinds.count(Told) == len(caller.events)
    assert tape.relayed
