"""The three parts go on with a conversation that a model has begun."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

import pytest
from conversations import Model, Recogniser, Script, Synthesizer, scripted_system
from speech_to_speech import BY_HAND, KEY, PATH, SPEECH, append, said, talking, until
from troupe.actors.contracts import Turn
from troupe.actors.http import HttpClient
from troupe.actors.providers.openai.endpoint import endpoint
from troupe.actors.providers.openai.realtime import OpenAiRealtime
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.routing import Provider
from troupe.actors.secret import Secret
from troupe.actors.speech_to_speech.pipeline import PipelineConversation
from troupe.actors.speech_to_speech.router import FallbackConversation
from troupe.runtime import Ref, child
from troupe.services.voice import VoiceSystem
from troupe.services.wire import Refuse, Reset
from troupe.services.wire.openai import OpenAiWire

pytestmark = [pytest.mark.real_time, pytest.mark.virtual]


@pytest.fixture
def wire() -> Iterator[OpenAiWire]:
    with OpenAiWire() as wire:
        yield wire


@asynccontextmanager
async def chained(wire: OpenAiWire, script: Script) -> AsyncGenerator[tuple[Ref, VoiceSystem]]:
    at = endpoint("openai", base_url=wire.base_url, key=Secret(KEY))
    async with HttpClient.open() as http:
        providers = (
            child(Recogniser, script, name="stt"),
            child(Model, script, name="llm"),
            child(Synthesizer, script, name="tts"),
            child(OpenAiRealtime, http, at, "gpt-realtime", name="talker"),
        )
        async with scripted_system(script, lead=60, providers=providers) as voice:
            await voice.system.root.start_child(
                child(PipelineConversation, voice.services, "sessions", name="pipeline")
            )
            chain = [Provider("talker"), Provider("pipeline")]
            await voice.system.root.start_child(child(FallbackConversation, chain, name="conversation"))
            yield voice.system.ref("conversation"), voice


def told(turns: tuple[Turn, ...]) -> list[tuple[str, str]]:
    return [(turn.role, turn.text) for turn in turns]


async def test_they_go_on_where_the_model_is_lost(wire: OpenAiWire) -> None:
    wire.reply("Hello Ann.")
    script = Script(answer=["You are Ann."])
    async with chained(wire, script) as (ref, voice), talking(ref) as call:
        await call.send(said("I am Ann."))
        await call.send(client.ResponseCreate())
        await until(call, response.ResponseDone)
        wire.fail(PATH, Refuse(503))
        wire.last(PATH).strike(Reset(0))
        await call.send(said("Who am I?"))
        await call.send(client.ResponseCreate())
        events = await until(call, response.ResponseDone)
        assert [event.item.role for event in events if isinstance(event, server.ConversationItemAdded)] == [
            "user",
            "assistant",
        ]
        assert events[-1].response.output[0].content[0].transcript == "You are Ann."
        assert len(voice.sessions.children) == 1
    assert told(script.requests[0].turns) == [
        ("user", "I am Ann."),
        ("assistant", "Hello Ann."),
        ("user", "Who am I?"),
    ]


async def test_they_begin_where_no_model_can_be_talked_with(wire: OpenAiWire) -> None:
    wire.fail(PATH, Refuse(401))
    script = Script(answer=["Fine."])
    async with chained(wire, script) as (ref, voice):
        async with talking(ref, BY_HAND) as call:
            await append(call, SPEECH)
            await call.send(client.InputAudioBufferCommit())
            await call.send(client.ResponseCreate())
            call.finish()  # what was asked is still answered
            events = [event async for event in call]
        assert not voice.sessions.children
    assert isinstance(events[0], server.SessionCreated)
    done = next(event for event in events if isinstance(event, response.ResponseDone))
    assert done.response.output[0].content[0].transcript == "Fine."
    assert told(script.requests[0].turns) == [("user", "hello there")]
    assert script.seconds_heard == pytest.approx(1.5, abs=0.05)
