"""A Python function: see `troupe.actors.providers.function`."""

from typing import Annotated, Final

from msgspec import Meta

from ...actors.providers.function.embedder import FunctionEmbedder
from ...actors.providers.function.model import FunctionModel
from ...actors.providers.function.recogniser import FunctionRecogniser
from ...actors.providers.function.synthesizer import FunctionSynthesizer
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import ProviderTable, Setup

HEARD: Final = 16_000
SPOKEN: Final = 24_000


class Table(ProviderTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    function: str = ""
    """The function, as ``package.module:name``; it is imported when the provider starts."""
    rate: Annotated[int, Meta(ge=1000, le=384_000)] | None = None
    """Of samples, in Hz: of those it hears (16000 if not given), or of those it speaks (24000)."""


def stt(setup: Setup[Table]) -> ActorSpec:
    """Make the recogniser."""
    return child(FunctionRecogniser, setup.provider, _function(setup), setup.table.rate or HEARD, name=setup.actor)


def llm(setup: Setup[Table]) -> ActorSpec:
    """Make the language model."""
    return child(FunctionModel, setup.provider, _function(setup), name=setup.actor)


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer."""
    return child(FunctionSynthesizer, setup.provider, _function(setup), setup.table.rate or SPOKEN, name=setup.actor)


def embedding(setup: Setup[Table]) -> ActorSpec:
    """Make what turns texts into vectors."""
    return child(FunctionEmbedder, setup.provider, _function(setup), name=setup.actor)


def _function(setup: Setup[Table]) -> str:
    module, colon, name = setup.table.function.partition(":")
    if not (module and colon and name):
        raise ValueError('function says which: function = "package.module:name"')
    return setup.table.function
