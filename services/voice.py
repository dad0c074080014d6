"""The supervision tree of the voice server, on one screen."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ..actors.providers.embedded.model import Demonstrator
from ..actors.providers.embedded.recogniser import PocketsphinxRecogniser
from ..actors.providers.embedded.synthesizer import EspeakSynthesizer
from ..actors.voice.activity import Activity
from ..actors.voice.services import Services
from ..runtime import Strategy, Supervisor, System, child, open_system, supervisor
from ..runtime.process import Process

MAX_SESSIONS = 1000
"""Sessions of one process."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What serves a part of a conversation, for people."""

    part: str
    provider: str
    why: str


CHOICES = (
    Choice(
        "speech to text", "pocketsphinx (embedded)", "needs no key and no network; most words of free speech go wrong"
    ),
    Choice("language model", "demonstration (embedded)", "rules, not a network: time, arithmetic, what was said"),
    Choice("text to speech", "espeak-ng (embedded)", "needs no key and no network; sounds like a robot"),
    Choice("voice activity", "Silero", "one model for all sessions"),
)
"""What there is without configuration."""


@dataclass(frozen=True, slots=True)
class VoiceSystem:
    """A running tree, and what its sessions use."""

    system: System
    sessions: Supervisor
    services: Services


@asynccontextmanager
async def voice_system() -> AsyncGenerator[VoiceSystem]:
    """Run providers and sessions for as long as the block lasts."""
    providers = supervisor(
        "providers",
        # PocketSphinx keeps Python's lock while it works, espeak-ng keeps global state: each has a process of its own.
        child(PocketsphinxRecogniser, name="pocketsphinx", host=Process()),
        child(EspeakSynthesizer, name="espeak", host=Process()),
        child(Demonstrator, name="demonstration"),
        intensity=10,
        period=60,
    )
    sessions = supervisor("sessions", strategy=Strategy.DYNAMIC, max_children=MAX_SESSIONS)
    async with Activity.open() as activity, open_system(providers, sessions) as system:
        services = Services(
            recogniser=system.ref("providers/pocketsphinx"),
            model=system.ref("providers/demonstration"),
            synthesizer=system.ref("providers/espeak"),
            activity=activity,
        )
        yield VoiceSystem(system, system.supervisor("sessions"), services)
