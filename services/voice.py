"""The supervision tree of the voice server, on one screen.

::

    providers/openai/{stt,llm,tts}, providers/espeak/tts, ...    each provider once, however many chains name it
    voice/{stt,llm,tts}                                          a router for each part, over its chain
    sessions/...                                                 one for each connection
"""

import math
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from anyio import to_thread

from ..actors.http import HttpClient
from ..actors.routing import (
    FallbackModel,
    FallbackRecogniser,
    FallbackSynthesizer,
    ModelPatience,
    Provider,
    RecogniserPatience,
    SynthesizerPatience,
)
from ..actors.voice.activity import Activity
from ..actors.voice.opening import Opening
from ..actors.voice.services import OPENAI_VOICES, Patience, Services
from ..runtime import Strategy, Supervisor, System, child, open_system, supervisor
from ..runtime.specs import ActorSpec, SupervisorSpec
from .choice import Choice, Link, choose
from .config import Config, ConfigError
from .kinds.kind import PARTS, Part, Setup


@dataclass(frozen=True, slots=True)
class VoiceSystem:
    """A running tree, and what its sessions use."""

    system: System
    sessions: Supervisor
    services: Services


@asynccontextmanager
async def voice_system(choice: Choice | None = None) -> AsyncGenerator[VoiceSystem]:
    """Run providers and sessions for as long as the block lasts.

    Args:
        choice: Who takes which part; None takes what there is, as `troupe serve` does without a configuration.

    Raises:
        ConfigError: A provider can't be made as it is configured, or nobody is there for a part.
    """
    if choice is None:
        choice = await to_thread.run_sync(choose, Config(), os.environ)
    async with (
        HttpClient.open() as http,
        Activity.open() as activity,
        open_system(
            supervisor("providers", *providers(choice, http), intensity=10, period=60),
            supervisor("voice", *(router(choice, part) for part in PARTS)),
            supervisor("sessions", strategy=Strategy.DYNAMIC),
        ) as system,
    ):
        voice = choice.voice
        services = Services(
            recogniser=system.ref("voice/stt"),
            model=system.ref("voice/llm"),
            synthesizer=system.ref("voice/tts"),
            activity=activity,
            patience=session_patience(choice),
            speculate=voice.speculate,
            spoken_fallback=voice.spoken_fallback,
            opening=Opening(voice=voice.voice, instructions=voice.instructions, language=voice.language),
        )
        yield VoiceSystem(system, system.supervisor("sessions"), services)


def providers(choice: Choice, http: HttpClient) -> list[SupervisorSpec]:
    """Specify the actors of all providers: for each provider a supervisor, below it an actor for each part it takes.

    Raises:
        ConfigError: A provider can't be made as it is configured.
    """
    actors: dict[str, dict[Part, ActorSpec]] = {}
    for link in choice.links:
        parts = actors.setdefault(link.provider, {})
        if link.part not in parts:
            parts[link.part] = _actor(link, http)
    return [supervisor(name, *parts.values(), intensity=10, period=60) for name, parts in actors.items()]


def router(choice: Choice, part: Part) -> ActorSpec:
    """Specify the actor that has a part done by the first provider of its chain that can."""
    chain = [_provider(link, choice.voice.voices) for link in choice.chain(part)]
    patience = choice.voice.patience
    match part:
        case "stt":
            hearing = RecogniserPatience(final=patience.transcript, alone=patience.last)
            return child(FallbackRecogniser, chain, hearing, name=part)
        case "llm":
            thinking = ModelPatience(
                first_token=patience.first_token,
                between_tokens=patience.between_tokens,
                alone=patience.last,
                hedge_after=patience.hedge_after or math.inf,
            )
            return child(FallbackModel, chain, thinking, name=part)
        case "tts":
            speaking = SynthesizerPatience(
                first_audio=patience.first_audio, between_chunks=patience.between_audio, alone=patience.last
            )
            return child(FallbackSynthesizer, chain, speaking, name=part)


def session_patience(choice: Choice) -> Patience:
    """Return how long a session waits for a part: while its chain may still find somebody."""
    usual, patience = Patience(), choice.voice.patience

    def wait(part: Part, each: float, least: float) -> float:
        return max(least, (len(choice.chain(part)) - 1) * each + patience.last)

    return Patience(
        transcript=wait("stt", patience.transcript, usual.transcript),
        first_token=wait("llm", patience.first_token, usual.first_token),
        between_tokens=wait("llm", patience.between_tokens, usual.between_tokens),
        answer=max(usual.answer, 2 * patience.last),
        first_audio=wait("tts", patience.first_audio, usual.first_audio),
        between_audio=wait("tts", patience.between_audio, usual.between_audio),
        speech=max(usual.speech, 2 * patience.last),
    )


def _provider(link: Link, voices: dict[str, str]) -> Provider:
    unknown = {} if link.kind.openai_voices else dict.fromkeys(OPENAI_VOICES, "")
    return Provider(link.path, models={"*": link.model}, voices=unknown | voices)


def _actor(link: Link, http: HttpClient) -> ActorSpec:
    setup = Setup(
        kind=link.kind,
        provider=link.provider,
        actor=link.part,
        table=link.table,
        key=link.key,
        model=link.model,
        http=http,
    )
    try:
        return link.kind.maker(link.part)(setup)
    except ValueError as error:
        raise ConfigError(str(error), f"[providers.{link.provider}]") from error
