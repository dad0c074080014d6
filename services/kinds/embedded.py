"""What is there without a key, a network or weights: see `troupe.actors.providers.embedded`."""

from ...actors.providers.embedded.model import Demonstrator
from ...actors.providers.embedded.recogniser import PocketsphinxRecogniser
from ...actors.providers.embedded.synthesizer import EspeakSynthesizer
from ...runtime import child
from ...runtime.process import Process
from ...runtime.specs import ActorSpec
from .kind import ProviderTable, Setup


class Table(ProviderTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``: nothing of its own."""


def stt(setup: Setup[Table]) -> ActorSpec:
    """Make the recogniser, in a process of its own: it keeps Python's lock while it works."""
    return child(PocketsphinxRecogniser, name=setup.actor, host=Process())


def llm(setup: Setup[Table]) -> ActorSpec:
    """Make the demonstration model."""
    return child(Demonstrator, name=setup.actor)


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer, in a process of its own: espeak-ng keeps global state, and is licensed under the GPL."""
    return child(EspeakSynthesizer, name=setup.actor, host=Process())
