"""Providers that do what a script says, one stepping in for the other, and a record of who is on stage."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from anyio import sleep, sleep_forever
from troupe.actors.contracts import Generate, GenerationEvent, Say, Speech, Synthesize, Transcribe, Transcript
from troupe.actors.routing.breaker import BreakerPolicy
from troupe.runtime import NO_BACKOFF, Actor, Duplex, Sender, System, child, open_system
from troupe.runtime.events import Event
from troupe.runtime.specs import ActorSpec

NEVER_OPEN = BreakerPolicy(consecutive=10**9, least=10**9)


class Crash(Exception):
    """What a script makes a provider die of."""


class Stall:
    """What makes a provider fall silent for ever."""


class End:
    """What makes a provider's handler return."""


@dataclass
class Stage:
    """What the providers were asked, and how their handlers came and went."""

    requests: list[tuple[str, Any]] = field(default_factory=list)
    on: Counter[str] = field(default_factory=Counter)
    """Handlers that are running now."""
    cancelled: list[str] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    @contextmanager
    def enter(self, name: str, request: Any) -> Generator[None]:
        self.requests.append((name, request))
        self.on[name] += 1
        try:
            yield
        except Exception:
            raise
        except BaseException:
            self.cancelled.append(name)
            raise
        finally:
            self.on[name] -= 1

    @property
    def empty(self) -> bool:
        return not +self.on

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]


async def perform(step: Any) -> None:
    """Do what is no item of the answer: wait, stall, fail."""
    match step:
        case Stall():
            await sleep_forever()
        case float() | int():
            await sleep(step)
        case Exception():
            raise step


Steps = Iterable[Any]


class ScriptedModel(Actor):
    """Answers with the steps that its script has for the request."""

    max_concurrency = 64
    fatal = (Crash,)

    def __init__(self, stage: Stage, name: str, script: Callable[[Generate], Steps]) -> None:
        self.stage, self.name, self.script = stage, name, script

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        with self.stage.enter(self.name, request):
            for step in self.script(request):
                if isinstance(step, End):
                    return
                if isinstance(step, GenerationEvent):
                    await replies.send(step)
                else:
                    await perform(step)


class ScriptedRecogniser(Actor):
    """Tells its script what it has heard so far, after each chunk and at the end, and does what the script says."""

    max_concurrency = 64
    fatal = (Crash,)

    def __init__(self, stage: Stage, name: str, script: Callable[[bytes, bool], Steps]) -> None:
        self.stage, self.name, self.script = stage, name, script

    async def transcribe(self, request: Transcribe, caller: Duplex[Transcript, bytes]) -> None:
        with self.stage.enter(self.name, request):
            heard = b""
            async for audio in caller:
                heard += audio
                if await self._ends(caller, self.script(heard, False)):
                    return
            await self._ends(caller, self.script(heard, True))

    async def _ends(self, caller: Duplex[Transcript, bytes], steps: Steps) -> bool:
        for step in steps:
            if isinstance(step, End):
                return True
            if isinstance(step, Transcript):
                await caller.send(step)
            else:
                await perform(step)
        return False


class ScriptedSynthesizer(Actor):
    """Speaks each piece with the steps that its script has for its number and text; `Speech` gets the number."""

    max_concurrency = 64
    fatal = (Crash,)

    def __init__(self, stage: Stage, name: str, script: Callable[[int, str], Steps]) -> None:
        self.stage, self.name, self.script = stage, name, script
        self.said: list[str] = []

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        with self.stage.enter(self.name, request):
            number = 0
            async for piece in caller:
                for step in self.script(number, piece.text):
                    if isinstance(step, End):
                        return
                    if isinstance(step, Speech):
                        await caller.send(step)
                    else:
                        await perform(step)
                number += 1


@asynccontextmanager
async def company(stage: Stage, *specs: ActorSpec) -> AsyncGenerator[System]:
    """Run scripted providers and routers, restarting those who die at once."""
    async with open_system(*specs, intensity=10**6, on_event=stage.events.append) as system:
        yield system


def player(kind: type[Actor], stage: Stage, name: str, script: Callable[..., Steps]) -> ActorSpec:
    """Specify one scripted provider."""
    return child(kind, stage, name, script, name=name, backoff=NO_BACKOFF)
