"""Conversations with models that hear and speak, against OpenAI's wire server."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from anyio import fail_after
from conversations import Model, Recogniser, Script, Synthesizer, scripted_system
from troupe.actors.http import Deadlines, HttpClient
from troupe.actors.providers.openai.endpoint import endpoint
from troupe.actors.providers.openai.realtime import OpenAiRealtime
from troupe.actors.providers.openai.wire.realtime import RealtimePrice
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime.items import InputText, Message
from troupe.actors.realtime.server_events import ServerEvent
from troupe.actors.realtime.session_config import Audio, AudioInput, RealtimeSession
from troupe.actors.routing import Provider
from troupe.actors.secret import Secret
from troupe.actors.speech_to_speech.converse import Converse
from troupe.actors.speech_to_speech.router import FallbackConversation
from troupe.runtime import Duplex, Ref, child, open_system
from troupe.services.voice import VoiceSystem
from troupe.services.wire.openai import OpenAiWire

KEY = "sk-canary-777"
PATH = "/v1/realtime"
RATE = 24_000
SPEECH = np.concatenate((np.full(RATE, 8000, np.int16), np.zeros(RATE // 2, np.int16))).tobytes()
"""A second of speech, and half a second of silence."""
BY_HAND = RealtimeSession(model="gpt-realtime", audio=Audio(input=AudioInput(turn_detection=None)))
"""A session whose turns the client commits."""
GENEROUS = 30.0

E = TypeVar("E", bound=ServerEvent)
Call = Duplex[client.ClientEvent, ServerEvent]


def said(text: str, role: Any = "user", **more: Any) -> client.ConversationItemCreate:
    return client.ConversationItemCreate(item=Message(role=role, content=(InputText(text=text),), **more))


@asynccontextmanager
async def provider(wire: OpenAiWire, *, lifetime: float = 3600, **deadlines: float) -> AsyncGenerator[Ref]:
    at = endpoint("openai", base_url=wire.base_url, key=Secret(KEY), deadlines=Deadlines(**deadlines))
    async with HttpClient.open() as http:
        actor = child(OpenAiRealtime, http, at, "gpt-realtime", RealtimePrice(), lifetime, name="talker")
        async with open_system(actor) as system:
            yield system.ref("talker")


@asynccontextmanager
async def talking(ref: Ref, session: RealtimeSession = BY_HAND) -> AsyncGenerator[Call]:
    async with ref.open(Converse(session=session), timeout=float("inf")) as call:
        yield call


async def until(call: Call, kind: type[E]) -> list[Any]:
    """Events up to the first of a kind."""
    events: list[Any] = []
    with fail_after(GENEROUS):
        while not events or not isinstance(events[-1], kind):
            events.append(await call.receive())
    return events


async def append(call: Call, pcm: bytes) -> None:
    for start in range(0, len(pcm), 4800):
        await call.send(client.InputAudioBufferAppend(audio=pcm[start : start + 4800]))


@asynccontextmanager
async def relaying_system(base_url: str, record: Path | None = None, **services: Any) -> AsyncGenerator[VoiceSystem]:
    """A system whose sessions are relayed to a server of the realtime API, and whose other providers are scripted."""
    script = Script()
    at = endpoint("openai", base_url=base_url, key=Secret(KEY))
    async with HttpClient.open() as http:
        providers = (
            child(Recogniser, script, name="stt"),
            child(Model, script, name="llm"),
            child(Synthesizer, script, name="tts"),
            child(OpenAiRealtime, http, at, "gpt-realtime", name="talker"),
            child(FallbackConversation, [Provider("talker", models={"*": "gpt-realtime"})], name="conversation"),
        )
        async with scripted_system(script, providers=providers, record=record, **services) as voice:
            conversation = voice.system.ref("conversation")
            yield replace(voice, services=replace(voice.services, conversation=conversation))
