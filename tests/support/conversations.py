"""Voice sessions with scripted providers, for tests: a loud tone is speech, and every provider does as it is told."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from anyio import fail_after, sleep, sleep_forever
from troupe.actors.contracts import (
    Ended,
    Generate,
    GenerationEvent,
    Say,
    Speech,
    Synthesize,
    TextDelta,
    ToolCall,
    Transcribe,
    Transcript,
)
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.session_config import RealtimeSession, Session
from troupe.actors.voice.patience import Patience
from troupe.actors.voice.services import Services, Tally
from troupe.actors.voice.session import Connect, VoiceSession
from troupe.codecs.pcm import Int16
from troupe.runtime import Actor, Duplex, Restart, Sender, Strategy, child, open_system, supervisor
from troupe.runtime.specs import ActorSpec
from troupe.services.voice import VoiceSystem

RATE = 24_000
FRAME = RATE // 50
TTS_RATE = 16_000
SECONDS_PER_WORD = 0.25


@dataclass
class Script:
    """What the providers do."""

    transcript: str = "hello there"
    answer: list[str | ToolCall] = field(default_factory=lambda: ["One two three.", " Four five six."])
    requests: list[Generate] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    stall: str = ""
    """Which of ``stt``, ``llm``, ``tts`` never answers."""
    fail: str = ""
    """Which of them raises an error."""
    seconds_heard: float = 0.0
    partials: dict[float, str] = field(default_factory=dict)
    """What the recogniser has understood, by the seconds it has heard."""
    transcribing: float = 0.0
    """Seconds that it takes to finish."""
    thinking: float = 0.0
    """Seconds that the model takes before its first token."""
    reason: str = "stop"
    """Why the model ends."""
    voices: list[Synthesize] = field(default_factory=list)
    """What the synthesizer was asked."""
    spoken: list[str] = field(default_factory=list)
    """What the synthesizer was given."""

    async def misbehave(self, who: str) -> None:
        if self.fail == who:
            raise RuntimeError(f"{who} broke")
        if self.stall == who:
            try:
                await sleep_forever()
            finally:
                self.cancelled.append(who)


class Recogniser(Actor):
    max_concurrency = 8

    def __init__(self, script: Script) -> None:
        self.script = script

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        heard, partials = 0, sorted(self.script.partials.items())
        async for pcm in caller:
            heard += len(pcm) // 2
            while partials and heard / request.rate >= partials[0][0]:
                await caller.send(Transcript(partials.pop(0)[1]))
        self.script.seconds_heard = heard / request.rate
        await self.script.misbehave("stt")
        await sleep(self.script.transcribing)
        await caller.send(Transcript(self.script.transcript, final=True))


class Model(Actor):
    max_concurrency = 8

    def __init__(self, script: Script) -> None:
        self.script = script

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        self.script.requests.append(request)
        await self.script.misbehave("llm")
        try:
            await sleep(self.script.thinking)
            for part in self.script.answer:
                await replies.send(TextDelta(part) if isinstance(part, str) else part)
                await sleep(0.01)
        except BaseException:
            self.script.cancelled.append("llm")
            raise
        await replies.send(Ended(self.script.reason, 10, 5))


class Synthesizer(Actor):
    """Speaks each word for a quarter of a second, and says when."""

    max_concurrency = 8

    def __init__(self, script: Script) -> None:
        self.script = script

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        number = 0
        self.script.voices.append(request)
        async for piece in caller:
            await self.script.misbehave("tts")
            self.script.spoken.append(piece.text)
            for index, word in enumerate(piece.text.split()):
                pcm = np.full(int(TTS_RATE * SECONDS_PER_WORD), 1000, np.int16)
                start = index * SECONDS_PER_WORD
                await caller.send(
                    Speech(number, pcm.tobytes(), TTS_RATE, (_Word(word, start, start + SECONDS_PER_WORD),))
                )
            await caller.send(Speech(number, b"", TTS_RATE, last=True))
            number += 1


def _Word(text: str, start: float, end: float):
    from troupe.actors.contracts import Word

    return Word(text, start, end)


class LoudIsSpeech:
    """Stands where the model of voice activity stands: a window is speech if it is loud."""

    class Listener:
        def __init__(self, heard: Callable[[float], None]) -> None:
            self._heard = heard
            self._rest = np.empty(0, np.int16)

        def push(self, samples: Int16) -> None:
            self._rest = np.concatenate((self._rest, samples))
            while len(self._rest) >= 512:
                window, self._rest = self._rest[:512], self._rest[512:]
                self._heard(1.0 if np.abs(window).max() > 500 else 0.0)

    @contextmanager
    def listen(self, heard: Callable[[float], None], failed: Callable[[Exception], None]) -> Generator[Listener]:
        yield self.Listener(heard)


class Grammar:
    """What holds for every session's events; told each of them, it complains about the first that breaks a rule."""

    def __init__(self) -> None:
        self._open: dict[str, dict[str, dict[str, str]]] = {}
        """By response and item: texts so far, by kind."""
        self._over: set[str] = set()
        self._items: set[str] = set()
        self._default = ""

    def check(self, event: server.ServerEvent) -> None:
        match event:
            case response.ResponseCreated(response=told):
                assert told.id not in self._open
                assert told.id not in self._over
                self._open[told.id] = {}
                if told.conversation_id is not None:
                    assert not self._default, "a second response in the conversation"
                    self._default = told.id
            case response.ResponseDone(response=told):
                left = self._open.pop(told.id)
                assert not left, f"items {left} are not done"
                assert told.status != "in_progress"
                self._over.add(told.id)
                self._default = "" if self._default == told.id else self._default
            case response.ResponseOutputItemAdded(response_id=of, item=item):
                self._open[of][item.id] = {}
            case response.ResponseOutputItemDone(response_id=of, item=item):
                assert set(self._open[of].pop(item.id).values()) <= {""}, "a part is not done"
            case response.ResponseContentPartAdded():
                self._open[event.response_id][event.item_id]["part"] = "open"
            case response.ResponseContentPartDone():
                self._open[event.response_id][event.item_id]["part"] = ""
            case response.ResponseOutputTextDelta() | response.ResponseOutputAudioTranscriptDelta():
                texts = self._open[event.response_id][event.item_id]
                assert texts["part"] == "open"
                texts["text"] = texts.get("text", "") + event.delta
            case (
                response.ResponseOutputTextDone(text=text) | response.ResponseOutputAudioTranscriptDone(transcript=text)
            ):
                assert self._open[event.response_id][event.item_id].pop("text", "") == text, "text was lost"
            case response.ResponseOutputAudioDelta():
                assert self._open[event.response_id][event.item_id]["part"] == "open"
            case server.ConversationItemAdded(item=item, previous_item_id=previous):
                assert item.id not in self._items
                assert previous is None or previous in self._items, "the client does not know the item before"
                self._items.add(item.id)
            case server.ConversationItemDone(item=item):
                assert item.id in self._items
            case server.ConversationItemDeleted(item_id=item_id):
                self._items.remove(item_id)
            case _:
                pass


class Caller:
    """The client's end of a session."""

    def __init__(
        self, conversation: Duplex[client.ClientEvent, server.ServerEvent], script: Script, tally: Tally
    ) -> None:
        self.script = script
        self.tally = tally
        self.events: list[server.ServerEvent] = []
        self._grammar = Grammar()
        self._conversation = conversation

    async def send(self, event: client.ClientEvent) -> None:
        await self._conversation.send(event)

    async def speak(self, seconds: float, *, loud: bool = True) -> None:
        """Send audio at the pace of speech."""
        level = 8000 if loud else 0
        frame = np.full(FRAME, level, np.int16).tobytes()
        for _ in range(round(seconds * 50)):
            await self.send(client.InputAudioBufferAppend(audio=frame))
            await sleep(0.02)

    async def say_something(self, seconds: float = 1.0) -> None:
        await self.speak(seconds)
        await self.speak(0.6, loud=False)

    async def until(self, kind: type, within: float = 60) -> server.ServerEvent:
        """Read events up to the first of a kind, and return it."""
        with fail_after(within):
            async for event in self._conversation:
                self.events.append(event)
                self._grammar.check(event)
                if isinstance(event, kind):
                    return event
        raise AssertionError(f"no {kind.__name__} came")

    async def wait(self, seconds: float) -> None:
        """Read nothing for a while."""
        await sleep(seconds)

    def names(self, since: int = 0) -> list[str]:
        return [type(event).__name__ for event in self.events[since:]]

    def all(self, kind: type) -> list[server.ServerEvent]:
        return [event for event in self.events if isinstance(event, kind)]


@asynccontextmanager
async def scripted_system(
    script: Script,
    lead: float = 0.5,
    patience: Patience | None = None,
    providers: tuple[ActorSpec, ...] = (),
    **services: Any,
) -> AsyncGenerator[VoiceSystem]:
    """Run a system whose providers do what the script says, or other ones, named "stt", "llm" and "tts"."""
    providers = providers or (
        child(Recogniser, script, name="stt"),
        child(Model, script, name="llm"),
        child(Synthesizer, script, name="tts"),
    )
    async with open_system(*providers, supervisor("sessions", strategy=Strategy.DYNAMIC)) as system:
        used = Services(
            recogniser=system.ref("stt"),
            model=system.ref("llm"),
            synthesizer=system.ref("tts"),
            activity=LoudIsSpeech(),  # type: ignore[arg-type]
            patience=patience or Patience(),
            lead=lead,
            **services,
        )
        yield VoiceSystem(system, system.supervisor("sessions"), used)


@asynccontextmanager
async def conversation(
    script: Script | None = None,
    session: Session | None = None,
    *,
    lead: float = 0.5,
    patience: Patience | None = None,
    providers: tuple[ActorSpec, ...] = (),
    **services: Any,
) -> AsyncGenerator[Caller]:
    """Open a session with scripted providers, or with other ones, named "stt", "llm" and "tts".

    Args:
        services: Further members of `Services`.
    """
    script = script or Script()
    async with scripted_system(script, lead, patience, providers, **services) as voice:
        session = session or RealtimeSession(model="test")
        spec = child(VoiceSession, session, voice.services, name="session", restart=Restart.TEMPORARY)
        ref = await voice.sessions.start_child(spec)
        async with ref.open(Connect(), timeout=3600, buffer=512) as events:
            caller = Caller(events, script, voice.services.tally)
            await caller.until(server.SessionCreated)
            yield caller
