"""A connection with a client that is slow, stuck or far ahead, in virtual time; and how it is drained."""

import base64
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from anyio import create_task_group, current_time, fail_after, sleep, sleep_forever
from conversations import Script, scripted_system
from troupe.actors.realtime.handshake import read_handshake
from troupe.runtime import Channel
from troupe.runtime.errors import EndOfChannel
from troupe.services.gateway.admission import Ticket
from troupe.services.gateway.connection import LATEST, SEND_DEADLINE, Connections
from troupe.services.gateway.limits import Limits
from troupe.services.gateway.transports import Disconnected, Transport

pytestmark = pytest.mark.virtual

TEXT_ONLY = '{"type":"response.create","response":{"output_modalities":["text"]}}'
SPEAK = '{"type":"response.create"}'
UPDATE = '{"type":"session.update","session":{"type":"realtime","instructions":"%s"}}' % ("x" * 1000)


class Line(Transport):
    """A client at the end of a line that carries so many bytes a second, behind a buffer that holds a few."""

    def __init__(self, rate: float, buffer: int = 16_000) -> None:
        self.rate = rate
        self.got: list[dict[str, Any]] = []
        self.code = 0
        self.aborted = False
        self._buffer = buffer
        self._free_at = 0.0
        self._said: Channel[str] = Channel(1000)
        self._changed = anyio.Event()

    @property
    def peer(self) -> str:
        return "nowhere"

    async def receive(self) -> str:
        try:
            return await self._said.receive()
        except EndOfChannel:
            raise Disconnected from None

    def put(self, payload: bytes) -> bool:
        if not self.rate or (self._free_at - current_time()) * self.rate + len(payload) > self._buffer:
            return False
        self._take(payload)
        return True

    async def send(self, payload: bytes, *, text: bool = True) -> None:
        if not self.rate:
            await sleep_forever()
        await sleep(max(0.0, self._free_at - current_time() + (len(payload) - self._buffer) / self.rate))
        self._take(payload)

    def _take(self, payload: bytes) -> None:
        self._free_at = max(self._free_at, current_time()) + (len(payload) / self.rate if self.rate else 0)
        self.got.append(json.loads(payload))
        self._changed.set()

    async def close(self, code: int, reason: str = "") -> None:
        self.code = code

    def abort(self) -> None:
        self.aborted = True

    def say(self, event: str) -> None:
        self._said.send_nowait(event)

    def leave(self) -> None:
        self._said.close()

    async def until(self, kind: str, count: int = 1) -> None:
        with fail_after(120):
            while sum(event["type"] == kind for event in self.got) < count:
                self._changed = anyio.Event()
                await self._changed.wait()


@asynccontextmanager
async def connected(line: Line, script: Script | None = None, lead: float = 0.5) -> AsyncGenerator[Connections]:
    async with scripted_system(script or Script(), lead) as voice, create_task_group() as tasks:
        connections = Connections(voice, "test")
        ticket = Ticket("key", Limits(), None)
        tasks.start_soon(connections.serve, line, read_handshake({}, {}), ticket)
        await line.until("session.created")
        yield connections
        line.leave()
        with fail_after(30):
            await connections.wait_closed()


def heard(line: Line, response: int) -> float:
    """Seconds of audio that came of a response."""
    ids = [event["response"]["id"] for event in line.got if event["type"] == "response.created"]
    deltas = [event for event in line.got if event["type"] == "response.output_audio.delta"]
    audio = [base64.b64decode(event["delta"]) for event in deltas if event["response_id"] == ids[response]]
    assert all(len(each) % 2 == 0 for each in audio)
    return sum(map(len, audio)) / 48_000


def said(line: Line, response: int) -> str:
    ids = [event["response"]["id"] for event in line.got if event["type"] == "response.created"]
    parts = [event for event in line.got if event["type"] == "response.output_audio_transcript.delta"]
    return "".join(event["delta"] for event in parts if event["response_id"] == ids[response])


async def test_a_client_at_half_speed_misses_the_end_of_what_is_said_and_no_word_of_the_text() -> None:
    line = Line(rate=32_000)
    words = [f" word{number}" for number in range(40)]  # ten seconds
    async with connected(line, Script(answer=words)) as connections:
        line.say(SPEAK)
        await line.until("response.done")
        assert LATEST / 2 < heard(line, 0) < 8
        assert said(line, 0).split() == "".join(words).split()
        assert connections.statistics().muted == 1
        line.rate = 1e9
        line.say(SPEAK)
        await line.until("response.done", 2)
        assert heard(line, 1) == pytest.approx(10, abs=0.1)


async def test_a_client_that_keeps_up_hears_everything() -> None:
    line = Line(rate=70_000)
    async with connected(line, Script(answer=[f" word{number}" for number in range(40)])) as connections:
        line.say(SPEAK)
        await line.until("response.done")
        assert heard(line, 0) == pytest.approx(10, abs=0.1)
        assert connections.statistics().muted == 0


async def test_a_client_that_reads_nothing_is_cut_off() -> None:
    line = Line(rate=1e9)
    async with connected(line, Script(answer=["word " * 40])) as connections:
        line.rate = 0
        line.say(SPEAK)
        before = current_time()
        await connections.wait_closed()
        assert current_time() - before <= SEND_DEADLINE + 1
        assert connections.statistics().cut_off == 1
        assert line.aborted


async def test_who_does_not_read_is_not_answered_any_more() -> None:
    line = Line(rate=1e9)
    async with connected(line) as connections:
        line.rate = 0
        for _ in range(900):
            line.say(UPDATE)
        await connections.wait_closed()
        assert connections.statistics().cut_off == 1
        assert connections.statistics().received < 3 * len(UPDATE)
    line = Line(rate=20_000)
    async with connected(line):
        for _ in range(100):
            line.say(UPDATE)
        await line.until("session.updated", 100)


async def test_draining_waits_for_the_turn_and_no_longer() -> None:
    line = Line(rate=1e9)
    async with connected(line, Script(answer=["one two three four"])) as connections:
        line.say(SPEAK)
        await line.until("response.created")
        connections.drain()
        await connections.wait_closed()
        assert line.got[-1]["type"] == "response.done"
        assert line.code == 1012


async def test_draining_waits_for_a_user_who_speaks_and_for_the_answer() -> None:
    line = Line(rate=1e9)
    loud, quiet = (base64.b64encode(sample * 480).decode() for sample in (b"\x00\x20", bytes(2)))
    async with connected(line) as connections:
        for audio in [loud] * 30:
            line.say('{"type":"input_audio_buffer.append","audio":"' + audio + '"}')
        await line.until("input_audio_buffer.speech_started")
        connections.drain()
        for audio in [quiet] * 40:
            line.say('{"type":"input_audio_buffer.append","audio":"' + audio + '"}')
        await connections.wait_closed()
        assert line.got[-1]["type"] == "response.done"
        assert line.code == 1012


async def test_draining_ends_an_idle_session_at_once_and_closing_ends_all() -> None:
    line = Line(rate=1e9)
    async with connected(line) as connections:
        before = current_time()
        connections.drain()
        await connections.wait_closed()
        assert current_time() - before < 0.1
    line = Line(rate=1e9)
    async with connected(line, Script(answer=["word " * 40])) as connections:
        line.say(SPEAK)
        await line.until("response.output_audio.delta")
        connections.close()
        await connections.wait_closed()
        assert line.code == 1012


async def test_a_minute_of_audio_at_once_is_taken() -> None:
    line = Line(rate=1e9)
    async with connected(line):
        line.say('{"type":"session.update","session":{"type":"realtime","audio":{"input":{"turn_detection":null}}}}')
        await line.until("session.updated")
        audio = base64.b64encode(bytes(24_000 * 2 * 60 + 1000)).decode()
        line.say('{"type":"input_audio_buffer.append","event_id":"mine","audio":"' + audio + '"}')
        line.say('{"type":"input_audio_buffer.commit"}')
        await line.until("input_audio_buffer.committed")
        assert not [event for event in line.got if event["type"] == "error"]
