"""Sessions that talk at real-time pace, many in one process, and what they saw.

Each sends 20 ms of recorded speech every 20 ms, offset from the others, whatever comes back (an open loop: a slow
server does not slow its load down). How late the generator itself was is part of the result.
"""

import argparse
import asyncio
import base64
import gc
import json
import os
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final

import numpy as np
import uvloop
from troupe.actors.inference.espeak import EspeakEngine
from troupe.codecs.pcm import Int16
from troupe.codecs.resample import Resampler

from load.frames import CLOSE, PING, PONG, TEXT, FrameReader, frame

RATE: Final = 24_000
FRAME: Final = 0.02
"""Seconds of audio in a frame."""
PROBE: Final = 50
"""Frames between two probes: events that are answered at once."""
_AUDIO = b'{"type":"response.output_audio.delta"'
_DELTA = b'"delta":"'
_clock = time.perf_counter


def speech() -> Int16:
    """Return a spoken sentence at 24 kHz, about two seconds."""
    engine = EspeakEngine.open()
    made = np.concatenate(
        [np.frombuffer(chunk.pcm, np.int16) for chunk in engine.synthesize("Tell me what the time is.")]
    )
    resampler = Resampler(engine.rate, RATE)
    return np.concatenate([resampler.push(made), resampler.finish()])


def room(seconds: float) -> Int16:
    """Return the noise of a quiet room, which is no digital silence."""
    return np.random.default_rng(7).integers(-20, 20, round(seconds * RATE), dtype=np.int16)


def event(**members: Any) -> bytes:
    """Return the frame of a client event."""
    return frame(json.dumps(members, separators=(",", ":")).encode())


def appends(samples: Int16) -> list[bytes]:
    """Return frames that append the samples, 20 ms each."""
    size = round(FRAME * RATE)
    return [
        event(type="input_audio_buffer.append", audio=base64.b64encode(samples[at : at + size].tobytes()).decode())
        for at in range(0, len(samples) - size + 1, size)
    ]


@dataclass
class Seen:
    """What all sessions saw, in seconds."""

    probes: list[float] = field(default_factory=list)
    """From a probe to its answer."""
    answers: list[float] = field(default_factory=list)
    """From the event that speech has stopped to the first audio of the answer."""
    silences: list[float] = field(default_factory=list)
    """From the event that speech has started to the last audio of the answer it interrupted; negative if none came."""
    late: list[float] = field(default_factory=list)
    """How late the generator sent a frame."""
    frames_in: int = 0
    audio_out: int = 0
    gaps: int = 0
    """Times that a session's audio came after it should have been heard."""
    turns: int = 0
    errors: list[str] = field(default_factory=list)


class Session(asyncio.Protocol):
    """One client; `Load` sends its audio."""

    def __init__(self, load: "Load") -> None:
        self.load = load
        self.seen = load.seen
        self.ready = asyncio.get_running_loop().create_future()
        self.closed = False
        self._upgraded = False
        self._reader = FrameReader()
        self._head = b""
        self._probed = 0.0
        self._first_audio = 0.0
        self._played = 0.0
        self._stopped: float | None = None
        self._started: float | None = None
        self._last_audio = 0.0
        self._speaking = False
        self.sent = 0
        frames = load.frames
        begin = random.randrange(len(frames)) if frames else 0  # people do not all speak at the same time
        self.script = cycle(frames[begin:] + frames[:begin])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: asyncio.Transport = transport  # type: ignore[assignment]
        key = base64.b64encode(os.urandom(16)).decode()
        self.transport.write(
            f"GET {self.load.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.load.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        if not self.load.ending:
            self.seen.errors.append(f"connection lost: {exc}")
        if not self.ready.done():
            self.ready.set_exception(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        now = _clock()
        if not self._upgraded:
            self._head += data
            head, end, data = self._head.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self.ready.set_exception(ConnectionError(head.split(b"\r\n")[0].decode()))
                return
            self._upgraded = True
            if self.load.workload == "echo":
                self.ready.set_result(None)
        for opcode, payload in self._reader.push(data):
            if opcode == TEXT:
                self.seen.frames_in += 1
                if payload.startswith(_AUDIO):
                    self._audio(payload, now)
                elif self.load.workload == "echo":
                    if self._probed:
                        self.seen.probes.append(now - self._probed)
                        self._probed = 0.0
                    self.seen.audio_out += 1
                else:
                    self._event(json.loads(payload), now)
            elif opcode == PING:
                self.transport.write(frame(payload, PONG))
            elif opcode == CLOSE and not self.load.ending:
                self.seen.errors.append(f"closed with {int.from_bytes(payload[:2], 'big')}")

    def _audio(self, payload: bytes, now: float) -> None:
        self.seen.audio_out += 1
        audio = len(payload) - payload.index(_DELTA) - len(_DELTA) - len('"}')
        if not self._speaking:
            self._speaking = True
            self._first_audio, self._played = now, 0.0
            if self._stopped is not None:
                self.seen.answers.append(now - self._stopped)
                self._stopped = None
        elif now - self._first_audio > self._played + 0.005:
            self.seen.gaps += 1
            self._first_audio, self._played = now, 0.0
        self._played += audio * 0.75 / 2 / RATE
        self._last_audio = now

    def _event(self, told: dict[str, Any], now: float) -> None:
        match told["type"]:
            case "session.created":
                self.transport.write(self.load.update)
            case "session.updated":
                self.ready.set_result(None)
                if self.load.workload == "duplex":
                    self.transport.write(RESPOND)
            case "response.done":
                self._speaking = False
                if self._started is not None:
                    self.seen.silences.append(self._last_audio - self._started)
                    self._started = None
                if told["response"]["status"] == "failed":
                    self.seen.errors.append(str(told["response"]["status_details"]))
                if self.load.workload == "duplex" and not self.load.ending:
                    self.transport.write(RESPOND)
            case "input_audio_buffer.speech_started":
                if self._speaking:
                    self._started = now
            case "input_audio_buffer.speech_stopped":
                self.seen.turns += 1
                self._stopped = now
            case "error":
                if told["error"]["code"] == "item_retrieve_invalid_item_id" or "probe" in str(
                    told["error"]["event_id"]
                ):
                    self.seen.probes.append(now - self._probed)
                    self._probed = 0.0
                else:
                    self.seen.errors.append(str(told["error"]))
            case _:
                pass

    def send(self) -> None:
        """Send the next 20 ms, and now and then a probe."""
        if self.closed:
            return
        data = next(self.script)
        self.sent += 1
        if self.sent % PROBE == 0 and not self._probed:
            self._probed = _clock()
            if self.load.workload != "echo":
                data += PROBE_EVENT
        self.transport.write(data)


RESPOND = event(type="response.create")
PROBE_EVENT = event(type="conversation.item.retrieve", item_id="nowhere", event_id="probe")


class Load:
    """Many sessions on one server."""

    def __init__(self, port: int, workload: str, sessions: int) -> None:
        self.port = port
        self.workload = workload
        self.sessions = sessions
        self.path = "/v1/realtime?model=troupe"
        self.seen = Seen()
        self.ending = False
        self.frames = [] if workload == "idle" else list(self._frames())
        detection = {
            "type": "server_vad",
            "create_response": workload == "turns",
            "interrupt_response": workload == "turns",
            "silence_duration_ms": 300,
        }
        self.update = event(
            type="session.update",
            session={
                "type": "realtime",
                "audio": {"input": {"turn_detection": detection}},
            },
        )

    def _frames(self) -> Iterator[bytes]:
        yield from appends(speech())
        yield from appends(room(3.0 if self.workload == "turns" else 1.0))

    async def run(self, seconds: float, warm_up: float) -> None:
        """Open the sessions, talk, and measure for `seconds`."""
        loop = asyncio.get_running_loop()
        clients: list[Session] = []
        for _ in range(self.sessions):
            _, client = await loop.create_connection(lambda: Session(self), "127.0.0.1", self.port)
            await asyncio.wait_for(client.ready, 10)
            clients.append(client)
        gc.collect()
        gc.freeze()
        if self.workload == "idle":
            await asyncio.sleep(warm_up)
            print(json.dumps({"measuring": True}), flush=True)
            await asyncio.sleep(seconds)
        else:
            await self._talk(clients, warm_up, measured=False)
            self.seen.__init__()  # type: ignore[misc]
            print(json.dumps({"measuring": True}), flush=True)
            await self._talk(clients, seconds, measured=True)
        print(json.dumps(vars(self.seen)), flush=True)
        self.ending = True
        for client in clients:
            client.transport.write(frame((1000).to_bytes(2, "big"), CLOSE))
        await asyncio.sleep(0.5)

    async def _talk(self, clients: list[Session], seconds: float, *, measured: bool) -> None:
        step = FRAME / len(clients)
        start = _clock()
        slot, end = 0, round(seconds / FRAME) * len(clients)
        while slot < end:
            now = _clock() - start
            while slot < end and slot * step <= now:
                if measured and slot % 97 == 0:
                    self.seen.late.append(_clock() - start - slot * step)
                clients[slot % len(clients)].send()
                slot += 1
            await asyncio.sleep(max(0.0005, slot * step - (_clock() - start)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("workload", choices=["duplex", "turns", "idle", "echo"])
    parser.add_argument("--sessions", type=int, default=10)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--warm-up", type=float, default=3)
    arguments = parser.parse_args()
    uvloop.run(Load(arguments.port, arguments.workload, arguments.sessions).run(arguments.seconds, arguments.warm_up))
