"""Kokoro's models: see `troupe.actors.inference.kokoro`."""

from ...actors.providers.local.synthesizer import LocalSynthesizer
from ...runtime import child
from ...runtime.process import Process
from ...runtime.specs import ActorSpec
from .kind import ProviderTable, Setup


class Table(ProviderTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    voice: str = ""
    """The voice that speaks where nobody names one, such as ``af_heart``."""


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer, in a process of its own: it has espeak-ng in it."""
    return child(LocalSynthesizer, setup.kind.engine, setup.table.voice, name=setup.actor, host=Process())
