"""LiveKit Agents under load: an `AgentSession` for each connection, all in this process, with scripted plugins.

There is no LiveKit server and no room: audio goes in and out through the session's own
`AudioInput` and `AudioOutput`, and from there over a bare WebSocket, samples in binary messages. A room would cost more
(Opus, encryption), so this flatters the peer. The bundled native Silero is its own default.

Usual: its defaults, and speech leaves in frames of 20 ms. Lean: no preemptive generation, no text transforms,
interrupted by 64 ms of speech instead of 500, and speech leaves in frames of 200 ms, as its plugins make them. In
neither is an interruption taken back: its default does that only where the audio output can pause. Processes: as usual,
but each session in a process of its own, which is how it is deployed.
"""

import asyncio
import logging
import multiprocessing
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.synchronize import Semaphore
from pathlib import Path
from typing import Any

import uvloop
from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, stt, tts, utils
from livekit.agents.inference import VAD
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities
from scripted import (
    CHARACTER,
    HEARD,
    ONSET,
    RATE_IN,
    RATE_OUT,
    SILENCE,
    announce,
    arguments,
    listener,
    noise,
    stdin_ends,
    tokens,
)
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

LEAD = 0.2
"""Seconds that playing runs behind sending; what a room's audio source queues."""


class Recogniser(stt.STT):
    """Knows what was said as soon as it ends."""

    def __init__(self) -> None:
        capabilities = stt.STTCapabilities(
            streaming=True, interim_results=False, offline_recognize=False, manual_flush=True
        )
        super().__init__(capabilities=capabilities)

    async def _recognize_impl(self, *arguments: Any, **options: Any) -> stt.SpeechEvent:
        raise NotImplementedError

    def stream(self, *, language: Any = None, conn_options: Any = None) -> stt.RecognizeStream:
        return Recognition(stt=self, conn_options=conn_options)


class Recognition(stt.RecognizeStream):
    """One session's stream of audio."""

    async def _run(self) -> None:
        async for item in self._input_ch:
            if isinstance(item, self._FlushSentinel):
                heard = stt.SpeechData(language="en", text=HEARD)
                self._event_ch.send_nowait(stt.SpeechEvent(stt.SpeechEventType.FINAL_TRANSCRIPT, alternatives=[heard]))


class Model(llm.LLM):
    """Writes all tokens at once."""

    def __init__(self, answer: list[str]) -> None:
        super().__init__()
        self.answer = answer

    def chat(
        self, *, chat_ctx: llm.ChatContext, tools: Any = None, conn_options: Any = None, **_: Any
    ) -> llm.LLMStream:
        return Generation(self, chat_ctx=chat_ctx, tools=tools or [], conn_options=conn_options)


class Generation(llm.LLMStream):
    """One answer."""

    async def _run(self) -> None:
        for token in self._llm.answer:
            self._event_ch.send_nowait(llm.ChatChunk(id="1", delta=llm.ChoiceDelta(role="assistant", content=token)))


class Voice(tts.TTS):
    """Speaks a sentence at once; the framework's adapter cuts what the model writes into sentences."""

    def __init__(self) -> None:
        super().__init__(capabilities=tts.TTSCapabilities(streaming=False), sample_rate=RATE_OUT, num_channels=1)

    def synthesize(self, text: str, *, conn_options: Any = None) -> tts.ChunkedStream:
        return Utterance(tts=self, input_text=text, conn_options=conn_options)


NOISE = noise(0.1)


class Utterance(tts.ChunkedStream):
    """One sentence."""

    async def _run(self, output_emitter: tts.AudioEmitter) -> None:
        output_emitter.initialize(request_id="1", sample_rate=RATE_OUT, num_channels=1, mime_type="audio/pcm")
        for _ in range(max(1, round(len(self.input_text) * CHARACTER / 0.1))):
            output_emitter.push(NOISE)
        output_emitter.flush()


class Microphone(AudioInput):
    """What comes from the caller."""

    def __init__(self) -> None:
        super().__init__(label="websocket")
        self.frames = utils.aio.Chan[rtc.AudioFrame]()

    async def __anext__(self) -> rtc.AudioFrame:
        return await self.frames.__anext__()


class Loudspeaker(AudioOutput):
    """Sends to the caller at the pace of playing, no more than `LEAD` ahead."""

    def __init__(self, connection: ServerConnection, piece: int | None) -> None:
        super().__init__(label="websocket", capabilities=AudioOutputCapabilities(pause=False), sample_rate=RATE_OUT)
        self._connection = connection
        self._piece = piece  # bytes of a message; None for frames as they come
        self._begun: float | None = None
        self._sent = 0.0  # seconds of this segment
        self._playing: asyncio.TimerHandle | None = None

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        if self._begun is None:
            self._begun = time.monotonic()
            self.on_playback_started(created_at=time.time())
        data = bytes(frame.data)
        size = self._piece or len(data)
        for at in range(0, len(data), size):
            piece = data[at : at + size]
            if self._begun is None:
                return
            ahead = self._begun + self._sent - LEAD - time.monotonic()
            if ahead > 0:
                await asyncio.sleep(ahead)
            if self._begun is None:  # it was interrupted meanwhile
                return
            self._sent += len(piece) / 2 / RATE_OUT
            try:
                await self._connection.send(piece)
            except ConnectionClosed:
                return

    def flush(self) -> None:
        super().flush()
        if self._begun is not None:
            rest = self._begun + self._sent - time.monotonic()
            self._playing = asyncio.get_running_loop().call_later(max(0.0, rest), self._finish, False)

    def clear_buffer(self) -> None:
        if self._begun is not None:
            self._finish(True)
            self._telling = asyncio.ensure_future(self._tell())

    async def _tell(self) -> None:
        with suppress(ConnectionClosed):
            await self._connection.send("clear")

    def _finish(self, interrupted: bool) -> None:
        if self._playing is not None:
            self._playing.cancel()
            self._playing = None
        assert self._begun is not None
        position = min(self._sent, time.monotonic() - self._begun)
        self._begun, self._sent = None, 0.0
        self.on_playback_finished(playback_position=position, interrupted=interrupted)


def agent_session(sentences: int, *, lean: bool) -> AgentSession:
    """Return a session of scripted plugins that takes `SILENCE` for the end of a turn."""
    interruption = {"mode": "vad", "resume_false_interruption": False, **({"min_duration": ONSET} if lean else {})}
    return AgentSession(
        vad=VAD(min_silence_duration=SILENCE),
        stt=Recogniser(),
        llm=Model(tokens(sentences)),
        tts=Voice(),
        turn_handling={
            "turn_detection": "vad",
            "endpointing": {"min_delay": 0.0, "max_delay": 0.0},
            "interruption": interruption,
            "preemptive_generation": {"enabled": not lean},
        },
        aec_warmup_duration=None,  # its default lets nobody interrupt in the first seconds
        user_away_timeout=None,
        **({"tts_text_transforms": None} if lean else {}),
    )


async def serve_sessions(
    listening: socket.socket, sentences: int, *, lean: bool, alone: Callable[[], None] | None = None
) -> None:
    """Serve each connection with a session until the standard input ends; or only one, if told what to call before."""
    over = asyncio.Event()

    def connection(*given: Any, **named: Any) -> ServerConnection:
        if alone:  # the others are for other processes; with a backlog of one, none has been accepted meanwhile
            asyncio.get_running_loop().remove_reader(listening.fileno())
        return ServerConnection(*given, **named)

    async def converse(connection: ServerConnection) -> None:
        session = agent_session(sentences, lean=lean)
        microphone = Microphone()
        session.input.audio = microphone
        session.output.audio = Loudspeaker(connection, None if lean else RATE_OUT // 50 * 2)
        await session.start(Agent(instructions="You are an assistant."))
        try:
            async for message in connection:
                microphone.frames.send_nowait(rtc.AudioFrame(message, RATE_IN, 1, len(message) // 2))
        finally:
            microphone.frames.close()
            await session.aclose()
            over.set()

    backlog = {"backlog": 1} if alone else {}
    async with serve(converse, sock=listening, compression=None, create_connection=connection, **backlog):
        if alone:
            alone()
            await over.wait()
        else:
            announce(listening)
            await stdin_ends()


def serve_alone(listening: socket.socket, sentences: int, ready: Semaphore) -> None:
    """Serve one session after the other in this process; uvloop would accept more than one connection at a time."""
    while True:
        asyncio.run(serve_sessions(listening.dup(), sentences, lean=False, alone=ready.release))


def serve_in_processes(listening: socket.socket, sentences: int, count: int) -> None:
    """Serve each session in a process of its own, forked where everything is loaded, as its worker does with jobs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        [Path(__file__).stem, "livekit.agents.ipc._preload", "livekit.agents.ipc._preload_freeze"]
    )
    ready = context.Semaphore(0)
    jobs = [context.Process(target=serve_alone, args=(listening, sentences, ready), daemon=True) for _ in range(count)]
    for job in jobs:
        job.start()
    for _ in jobs:
        ready.acquire()
    announce(listening)
    sys.stdin.read()
    for job in jobs:
        job.terminate()


if __name__ == "__main__":
    options = arguments("lean", "usual", "processes")
    logging.basicConfig(level=logging.WARNING)
    if options.set_up == "processes":
        serve_in_processes(listener(), options.sentences, options.sessions)
    else:
        uvloop.run(serve_sessions(listener(), options.sentences, lean=options.set_up == "lean"))
