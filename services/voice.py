"""The supervision tree of the voice server, on one screen.

::

    keys                                                         follows those that are in files
    providers/openai/{stt,llm,tts}, providers/espeak/tts, ...    each provider once, however many chains name it
    voice/{stt,llm,tts}                                          a router for each part, over its chain
    casts/...                                                    routers of sessions that have some of their own
    voice/realtime                                               one over models that take all parts, if there are any
    sessions/...                                                 one for each connection
    latencies                                                    keeps how fast they are, if somebody wishes to know
"""

import logging
import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from anyio import CapacityLimiter, create_task_group, to_thread

from ..actors.file_secret import FileSecret
from ..actors.http import HttpClient
from ..actors.inference.errors import InferenceError
from ..actors.key_follower import KeyFollower
from ..actors.routing import Provider
from ..actors.speech_to_speech.pipeline import PipelineConversation
from ..actors.speech_to_speech.router import ConversationPatience, FallbackConversation
from ..actors.voice.activity import Activity
from ..actors.voice.interruption import Interruption
from ..actors.voice.opening import Opening
from ..actors.voice.patience import Patience
from ..actors.voice.services import Services
from ..runtime import Strategy, Supervisor, System, child, open_system, supervisor
from ..runtime.errors import StartFailed
from ..runtime.exits import Crashed
from ..runtime.specs import ActorSpec, SupervisorSpec
from .cast import BROWSER, Casting, casts
from .catalogue.descriptor import describe
from .choice import WHOLE, Choice, Link, choose
from .config import Config, ConfigError
from .docker.errors import ServiceError
from .homes import Home, homes_of
from .kinds.kind import PARTS, Part, Setup, Work
from .kinds.price import ModelPrice
from .latencies import Latencies, LatencyKeeper
from .routers import provider, router_over

PIPELINE: Final = "pipeline"
"""What the three parts are called as one that converses."""
NONE: Final[Mapping[str, Home]] = {}
_log = logging.getLogger("troupe.voice")


@dataclass(frozen=True, slots=True)
class VoiceSystem:
    """A running tree, and what its sessions use."""

    system: System
    sessions: Supervisor
    services: Services
    casting: Casting | None = None
    """Lets clients choose who takes part; None where there is no choice."""
    prices: Mapping[tuple[str, str], ModelPrice] = field(default_factory=dict[tuple[str, str], ModelPrice])
    """What is known of what providers cost, by the path of the actor and the model."""


@asynccontextmanager
async def voice_system(choice: Choice | None = None, *, record: Path | None = None) -> AsyncGenerator[VoiceSystem]:
    """Run providers and sessions for as long as the block lasts.

    Args:
        choice: Who takes which part; None takes what there is, as `troupe serve` does without a configuration.
        record: A folder for recordings of all sessions; None for none.

    A provider that does not start, such as one whose weights can't be loaded, is left out if there is another one.

    Raises:
        ConfigError: A provider can't be made as it is configured, or nobody is there for a part.
    """
    if choice is None:
        choice = await to_thread.run_sync(choose, Config(), os.environ)
    async with (
        HttpClient.open() as http,
        Activity.open() as activity,
        homes_of(choice.all) as homes,
        open_system(
            child(KeyFollower, [link.key for link in choice.all if isinstance(link.key, FileSecret)], name="keys"),
            supervisor("providers", intensity=10, period=60),
            supervisor("voice"),
            casts(),
            supervisor("sessions", strategy=Strategy.DYNAMIC),
        ) as system,
    ):
        lost = await start_providers(system.supervisor("providers"), providers(choice, http, homes))
        choice = choice.without(lost)
        prices = await to_thread.run_sync(prices_of, choice, limiter=CapacityLimiter(1))  # they are in a file
        voice = choice.voice
        latencies = Latencies.at_home(keep=voice.keep_latencies)
        if any(link.flexible for link in choice.links):
            await latencies.load()
        for part in PARTS:
            await system.supervisor("voice").start_child(router(choice, part, latencies))
        if latencies.wanted:
            await system.root.start_child(child(LatencyKeeper, latencies, name="latencies"))
        services = Services(
            recogniser=system.ref("voice/stt"),
            model=system.ref("voice/llm"),
            synthesizer=system.ref("voice/tts"),
            activity=activity,
            patience=session_patience(choice),
            interruption=Interruption(speech=voice.interrupt_after),
            speculate=voice.speculate,
            spoken_fallback=voice.spoken_fallback,
            opening=Opening(voice=voice.voice, instructions=voice.instructions, language=voice.language),
            record=record,
        )
        if choice.chain(WHOLE):
            for spec in conversation_actors(choice, services):
                await system.supervisor("voice").start_child(spec)
            services = replace(services, conversation=system.ref(f"voice/{WHOLE}"))
        try:
            casting = Casting(system, choice, services)
            yield VoiceSystem(system, system.supervisor("sessions"), services, casting, prices)
        finally:
            await latencies.save_at_the_end(system)


async def start_providers(parent: Supervisor, specs: Sequence[SupervisorSpec]) -> dict[str, str]:
    """Start providers side by side; return those that did not start, and why."""
    lost: dict[str, str] = {}

    async def start(spec: SupervisorSpec) -> None:
        try:
            await parent.start_child(spec)
        except StartFailed as failed:
            lost[spec.name] = _reason(failed)
            _log.warning("%s does not start, and is left out: %s", spec.name, lost[spec.name])

    async with create_task_group() as tasks:
        for spec in specs:
            tasks.start_soon(start, spec)
    return lost


def _reason(failed: StartFailed) -> str:
    """Return what stands at the beginning of a failure, as far as it may be repeated."""
    exit = failed.exit
    while isinstance(exit, Crashed) and isinstance(exit.error, StartFailed):
        exit = exit.error.exit
    own = isinstance(exit, Crashed) and isinstance(exit.error, InferenceError | ServiceError)
    return str(exit.error if own and isinstance(exit, Crashed) else exit)


def providers(choice: Choice, http: HttpClient, homes: Mapping[str, Home] = NONE) -> list[SupervisorSpec]:
    """Specify the actors of all providers: for each provider a supervisor, below it an actor for each part it takes.

    Args:
        choice: Who takes which part.
        http: The pool of connections of all of them.
        homes: Of those that are in containers, by name.

    Raises:
        ConfigError: A provider can't be made as it is configured.
    """
    actors: dict[str, dict[Work, ActorSpec]] = {}
    chosen = [link for link in choice.choices if link.kind.name != BROWSER]  # each session has a browser of its own
    for link in (*choice.links, *chosen):
        parts = actors.setdefault(link.provider, {})
        if link.part not in parts:
            home = homes.get(link.provider)
            parts[link.part] = home.moving(link, http, provider_actor) if home else provider_actor(link, http)
    return [
        homes[name].supervisor(name, parts.values())
        if name in homes
        else supervisor(name, *parts.values(), intensity=10, period=60)
        for name, parts in actors.items()
    ]


def router(choice: Choice, part: Part, latencies: Latencies | None = None) -> ActorSpec:
    """Specify the actor that has a part done by the first provider of its chain that can.

    Args:
        choice: Who takes which part.
        part: Which.
        latencies: How soon providers answered in earlier runs.
    """
    chain = [
        provider(link, choice.voice.voices, latencies.expected(link.path, link) if latencies is not None else None)
        for link in _asked(choice, part)
    ]
    return router_over(part, chain, choice.voice.patience)


def conversation_actors(choice: Choice, services: Services) -> list[ActorSpec]:
    """Specify the actor that has whole conversations held by the first provider that can; before it, the last of these.

    Args:
        choice: Who takes which part.
        services: What the three parts are.
    """
    chain, actors = [provider(link, {}) for link in choice.chain(WHOLE)], list[ActorSpec]()
    if choice.voice.realtime_fallback:
        actors.append(child(PipelineConversation, services, "sessions", name=PIPELINE))
        chain.append(Provider(f"voice/{PIPELINE}"))
    patience = ConversationPatience(alone=choice.voice.patience.last)
    return [*actors, child(FallbackConversation, chain, patience, name=WHOLE)]


def _asked(choice: Choice, part: Part) -> tuple[Link, ...]:
    """Return the links of a part in the order in which they are asked.

    Those in containers come once more at the end: what failed because its container died is, by then, there again.
    """
    chain = choice.chain(part)
    return (*chain, *(link for link in chain if link.service is not None))


def prices_of(choice: Choice) -> dict[tuple[str, str], ModelPrice]:
    """Return what those who may take part cost, as far as it is known, by the path of the actor and the model."""
    prices: dict[tuple[str, str], ModelPrice] = {}
    for link in choice.all:
        price = describe(link.provider, link.kind, link.part, link.model, link.table).price
        if price is not None:
            prices[link.path, link.model] = price
    return prices


def session_patience(choice: Choice) -> Patience:
    """Return how long a session waits for a part: while its chain may still find somebody."""
    usual, patience = Patience(), choice.voice.patience

    def wait(part: Part, each: float, least: float) -> float:
        return max(least, (len(_asked(choice, part)) - 1) * each + patience.last)

    return Patience(
        transcript=wait("stt", patience.transcript, usual.transcript),
        first_token=wait("llm", patience.first_token, usual.first_token),
        between_tokens=wait("llm", patience.between_tokens, usual.between_tokens),
        answer=max(usual.answer, 2 * patience.last),
        first_audio=wait("tts", patience.first_audio, usual.first_audio),
        between_audio=wait("tts", patience.between_audio, usual.between_audio),
        speech=max(usual.speech, 2 * patience.last),
    )


def provider_actor(link: Link, http: HttpClient, name: str = "") -> ActorSpec:
    """Specify the actor of a link, called after its part unless it gets another name.

    Raises:
        ConfigError: It can't be made as it is configured.
    """
    setup = Setup(
        kind=link.kind,
        provider=link.provider,
        actor=name or link.part,
        table=link.table,
        key=link.key,
        model=link.model,
        http=http,
    )
    try:
        spec = link.kind.maker(link.part)(setup)
        return replace(spec, max_concurrency=link.table.concurrency or spec.max_concurrency)
    except ValueError as error:
        raise ConfigError(str(error), f"[providers.{link.provider}]") from error
