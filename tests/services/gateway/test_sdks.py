"""The clients that OpenAI publishes, unmodified, against the server: its SDK in both dialects, and its Agents SDK."""

import base64
import json
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import numpy as np
import pytest
from anyio import fail_after, sleep, to_thread
from conversations import Script, scripted_system
from servers import serving
from troupe.actors.contracts import ToolCall
from troupe.actors.secret import Secret
from troupe.services.gateway.access import Access
from troupe.services.gateway.app import Gateway
from websockets.asyncio.client import connect

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.asyncio_only,
    pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning"),  # OpenAI's
]

REASON = "OpenAI's clients are in the dependency group `contract`"
if "CI" not in os.environ:
    pytest.importorskip("openai", reason=REASON)
    pytest.importorskip("agents", reason=REASON)

import openai  # noqa: E402
from agents import function_tool  # noqa: E402
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession  # noqa: E402

RATE = 24_000
QUESTION = np.concatenate((np.full(RATE, 8000, np.int16), np.zeros(RATE, np.int16))).tobytes()
"""A second of speech, and one of silence."""


@asynccontextmanager
async def server(script: Script, lead: float = 5.0) -> AsyncGenerator[str]:
    gateway = Gateway(Access((Secret("key"),)), "test-model", partial(scripted_system, script, lead))
    async with serving(gateway.application()) as address:
        yield address


# -- the SDK -----------------------------------------------------------------------------------------------------------


def ask_aloud(address: str) -> tuple[bytes, str, str, list[str]]:
    """Ask in sound and be answered in sound; return the audio, its transcript, that of the question, and all types."""
    client = openai.OpenAI(api_key="key", base_url=f"http://{address}/v1")
    audio, text, asked, kinds = b"", "", "", []
    with client, client.realtime.connect(model="gpt-realtime") as connection:
        connection.session.update(
            session={
                "type": "realtime",
                "output_modalities": ["audio"],
                "audio": {"input": {"transcription": {"model": "whisper-1"}}, "output": {"voice": "marin"}},
            }
        )
        for start in range(0, len(QUESTION), 4800):
            connection.input_audio_buffer.append(audio=base64.b64encode(QUESTION[start : start + 4800]).decode())
        for event in connection:
            kinds.append(event.type)
            match event.type:
                case "response.output_audio.delta":
                    audio += base64.b64decode(event.delta)
                case "response.output_audio_transcript.delta":
                    text += event.delta
                case "conversation.item.input_audio_transcription.completed":
                    asked = event.transcript
                case "response.done":
                    assert event.response.status == "completed"
                    return audio, text, asked, kinds
    raise AssertionError("the connection ended before the response did")


async def test_the_sdk_asks_and_is_answered_in_sound() -> None:
    async with server(Script()) as address:
        with fail_after(30):
            audio, text, asked, kinds = await to_thread.run_sync(ask_aloud, address)
    assert len(audio) / 48_000 == pytest.approx(6 * 0.25, abs=0.01)
    assert text == "One two three. Four five six."
    assert asked == "hello there"
    assert kinds[:2] == ["session.created", "session.updated"]
    assert kinds.index("input_audio_buffer.speech_started") < kinds.index("input_audio_buffer.committed")


async def test_a_client_of_the_beta_asks_and_is_answered_in_sound() -> None:
    """OpenAI's SDK has dropped the beta; these are the frames that its last version with it sends and reads."""
    async with server(Script()) as address:
        headers = {"Authorization": "Bearer key", "OpenAI-Beta": "realtime=v1"}
        async with connect(f"ws://{address}/v1/realtime?model=gpt-4o", additional_headers=headers) as socket:
            voice = {"voice": "echo", "modalities": ["text", "audio"], "input_audio_format": "pcm16"}
            await socket.send(json.dumps({"type": "session.update", "session": voice}))
            audio = base64.b64encode(QUESTION).decode()
            await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
            events: list[dict[str, Any]] = []
            with fail_after(30):
                while not events or events[-1]["type"] != "response.done":
                    events.append(json.loads(await socket.recv()))
    of = {kind: [event for event in events if event["type"] == kind] for kind in {event["type"] for event in events}}
    assert of["session.updated"][0]["session"]["voice"] == "echo"
    heard = b"".join(base64.b64decode(event["delta"]) for event in of["response.audio.delta"])
    assert len(heard) / 48_000 == pytest.approx(6 * 0.25, abs=0.01)
    assert "".join(event["delta"] for event in of["response.audio_transcript.delta"]) == "One two three. Four five six."
    assert [event["item"]["role"] for event in of["conversation.item.created"]] == ["user", "assistant"]
    assert "conversation.item.added" not in of


# -- the Agents SDK ----------------------------------------------------------------------------------------------------


class Ear:
    """Listens to a session of the Agents SDK."""

    def __init__(self, session: RealtimeSession) -> None:
        self.session = session
        self.audio = 0
        self.seen: list[str] = []
        self.history: list[Any] = []

    async def until(self, kind: str) -> Any:
        async for event in self.session:
            self.seen.append(event.type)
            assert event.type != "error", event
            if event.type == "audio":
                self.audio += len(event.audio.data)
            if event.type == "history_updated":
                self.history = event.history
            if event.type == kind:
                return event
        raise AssertionError("the session ended")


async def test_the_agents_sdk_asks_calls_a_tool_is_interrupted_and_asks_again() -> None:
    script = Script(transcript="what time is it?", answer=[ToolCall("call_1", "clock", '{"zone": "UTC"}')])

    @function_tool
    async def clock(zone: str) -> str:
        """Tell the time."""
        script.answer = ["It is noon, and that is " + "all " * 40]
        return f"noon in {zone}"

    agent = RealtimeAgent(name="Assistant", instructions="Be brief.", tools=[clock])
    async with server(script, lead=0.3) as address:
        runner = RealtimeRunner(agent)
        where: Any = {"url": f"ws://{address}/v1/realtime", "api_key": "key"}
        with fail_after(40):
            async with await runner.run(model_config=where) as session:
                ear = Ear(session)
                await session.send_audio(QUESTION)
                called = await ear.until("tool_end")
                assert called.output == "noon in UTC"
                await ear.until("audio")
                script.transcript, script.answer = "stop, what else is there?", ["Nothing."]
                await sleep(0.8)  # two or three words are heard
                before = ear.audio
                await session.send_audio(QUESTION)
                await ear.until("audio_interrupted")
                assert ear.audio - before < 5 * 48_000
                await ear.until("audio")
                await ear.until("audio_end")
                await ear.until("agent_end")
    assert [turn.role for turn in script.requests[1].turns] == ["system", "user", "assistant", "tool"]
    assert script.requests[1].turns[-1].text == "noon in UTC"
    last = script.requests[-1].turns
    assert [turn.role for turn in last] == ["system", "user", "assistant", "tool", "assistant", "user"]
    assert last[4].text.startswith("It is")
    assert len(last[4].text.split()) < 20  # what was heard
    said = [item.content[0].transcript for item in ear.history if item.type == "message" and item.role == "user"]
    assert said == ["what time is it?", "stop, what else is there?"]
