"""What is there without a key, a network or weights: see `troupe.actors.providers.local`."""

from ...actors.providers.local.model import Demonstrator
from ...actors.providers.local.recogniser import LocalRecogniser
from ...actors.providers.local.synthesizer import LocalSynthesizer
from ...runtime import child
from ...runtime.process import Process
from ...runtime.specs import ActorSpec
from .kind import ProviderTable, Setup


class Table(ProviderTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    voice: str = ""
    """The voice that speaks where nobody names one."""


def stt(setup: Setup[Table]) -> ActorSpec:
    """Make the recogniser, in a process of its own: it keeps Python's lock while it works."""
    return child(LocalRecogniser, setup.kind.engine, name=setup.actor, host=Process())


def llm(setup: Setup[Table]) -> ActorSpec:
    """Make the demonstration model."""
    return child(Demonstrator, name=setup.actor)


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer, in a process of its own: espeak-ng keeps global state, and is licensed under the GPL."""
    return child(LocalSynthesizer, setup.kind.engine, setup.table.voice, name=setup.actor, host=Process())
