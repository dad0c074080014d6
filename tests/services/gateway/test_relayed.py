"""`troupe serve` before a realtime model: OpenAI's client talks to it, it talks to OpenAI's wire server, or to another
`troupe serve`."""

import base64
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest
from anyio import fail_after, from_thread, sleep, to_thread
from conversations import Script, scripted_system
from sdk import official
from servers import serving
from speech_to_speech import KEY, PATH, RATE, relaying_system
from troupe.actors.secret import Secret
from troupe.services.gateway.access import Access
from troupe.services.gateway.app import Gateway
from troupe.services.wire import Refuse
from troupe.services.wire.openai import OpenAiWire

openai = official("openai")

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.asyncio_only,
    pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning"),  # OpenAI's
]

QUESTION = np.concatenate((np.full(RATE, 8000, np.int16), np.zeros(RATE, np.int16))).tobytes()
"""A second of speech, and one of silence."""


@pytest.fixture(scope="module")
def running_wire() -> Iterator[OpenAiWire]:
    with OpenAiWire(keys=[KEY]) as wire:
        yield wire


@pytest.fixture
def wire(running_wire: OpenAiWire) -> OpenAiWire:
    running_wire.reset()
    return running_wire


@asynccontextmanager
async def server(base_url: str) -> AsyncGenerator[tuple[str, Gateway]]:
    gateway = Gateway(Access((Secret("key"),)), "test-model", partial(relaying_system, base_url))
    async with serving(gateway.application()) as address:
        yield address, gateway


def ask_aloud(address: str) -> tuple[bytes, str, list[str]]:
    """Ask in sound and be answered in sound; return the audio, its transcript, and the types of all events."""
    audio, text, kinds = b"", "", []
    client = openai.OpenAI(api_key="key", base_url=f"http://{address}/v1")
    with client, client.realtime.connect(model="gpt-whatever") as connection:
        connection.session.update(session={"type": "realtime", "audio": {"output": {"voice": "marin"}}})
        for start in range(0, len(QUESTION), 4800):
            connection.input_audio_buffer.append(audio=base64.b64encode(QUESTION[start : start + 4800]).decode())
        for event in connection:
            kinds.append(event.type)
            match event.type:
                case "session.created" | "session.updated":
                    assert event.session.model == "gpt-whatever"
                case "response.output_audio.delta":
                    audio += base64.b64decode(event.delta)
                case "response.output_audio_transcript.delta":
                    text += event.delta
                case "response.done":
                    assert event.response.status == "completed"
                    return audio, text, kinds
    raise AssertionError("the connection ended before the response did")


async def test_a_client_of_ours_talks_with_openai_under_our_key(wire: OpenAiWire) -> None:
    wire.reply("Fine, thank you.")
    async with server(wire.base_url) as (address, gateway):
        with fail_after(30):
            audio, text, kinds = await to_thread.run_sync(ask_aloud, address)
        assert gateway.admission.accepted == 1
    assert text == "Fine, thank you."
    assert len(audio) / 48_000 == pytest.approx(0.06 * len(text), abs=0.01)
    assert kinds[:2] == ["session.created", "session.updated"]
    assert wire.last(PATH).headers["authorization"] == f"Bearer {KEY}"


async def test_another_server_of_ours_is_as_good_a_provider() -> None:
    upstream = Gateway(Access((Secret(KEY),)), "test-model", partial(scripted_system, Script(), 5.0))
    async with serving(upstream.application()) as there, server(f"http://{there}/v1") as (address, _):
        with fail_after(30):
            audio, text, kinds = await to_thread.run_sync(ask_aloud, address)
    assert text == "One two three. Four five six."
    assert len(audio) / 48_000 == pytest.approx(6 * 0.25, abs=0.01)
    assert kinds.index("input_audio_buffer.speech_started") < kinds.index("input_audio_buffer.committed")


def be_refused(address: str) -> tuple[list[Any], int]:
    from websockets.exceptions import ConnectionClosed

    events: list[Any] = []
    client = openai.OpenAI(api_key="key", base_url=f"http://{address}/v1")
    with client, client.realtime.connect(model="gpt-whatever") as connection:
        try:
            while True:
                events.append(connection.recv())
        except ConnectionClosed as closed:
            return events, closed.rcvd.code if closed.rcvd else 0


async def test_who_has_nobody_to_talk_with_is_told_without_our_secrets(wire: OpenAiWire) -> None:
    wire.fail(PATH, Refuse(401))
    async with server(wire.base_url) as (address, gateway):
        with fail_after(30):
            events, code = await to_thread.run_sync(be_refused, address)
            while gateway.admission.sessions:
                await sleep(0.01)
    (event,) = events
    assert (event.error.type, event.error.code) == ("server_error", "authentication_failed")
    assert event.error.message == "The server has no access to a provider that it needs."
    assert code == 1011


async def test_transcription_sessions_are_held_here(wire: OpenAiWire) -> None:
    async with server(wire.base_url) as (address, _):

        def transcribe() -> str:
            client = openai.OpenAI(api_key="key", base_url=f"http://{address}/v1")
            with client, client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
                audio = base64.b64encode(QUESTION).decode()
                heard = {"input": {"transcription": {"model": "whisper-1"}}}
                connection.session.update(session={"type": "transcription", "audio": heard})
                connection.input_audio_buffer.append(audio=audio)
                for event in connection:
                    if event.type == "conversation.item.input_audio_transcription.completed":
                        return event.transcript
            return ""

        with fail_after(30):
            assert await to_thread.run_sync(transcribe) == "hello there"
    assert not wire.exchanges


async def test_draining_waits_for_the_answer(wire: OpenAiWire) -> None:
    wire.reply("a long answer " * 20)
    async with server(wire.base_url) as (address, gateway):

        def talk() -> tuple[str, int]:
            from websockets.exceptions import ConnectionClosed

            status = ""
            client = openai.OpenAI(api_key="key", base_url=f"http://{address}/v1")
            with client, client.realtime.connect(model="x") as connection:
                connection.response.create()
                try:
                    for event in connection:
                        if event.type == "response.created":
                            from_thread.run_sync(gateway.drain)
                        if event.type == "response.done":
                            status = event.response.status
                except ConnectionClosed as closed:
                    return status, closed.rcvd.code if closed.rcvd else 0
            return status, 0

        with fail_after(30):
            assert await to_thread.run_sync(talk) == ("completed", 1012)
