"""Moonshine's models: see `troupe.actors.inference.moonshine`."""

from typing import Annotated

from msgspec import Meta

from ...actors.providers.local.recogniser import LocalRecogniser
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import ProviderTable, Setup


class Table(ProviderTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    decoders: Annotated[int, Meta(ge=1)] = 2
    """Utterances that are heard at the same time; each takes the memory of a model."""


def stt(setup: Setup[Table]) -> ActorSpec:
    """Make the recogniser; the library lets go of Python's lock while it computes, so a thread will do."""
    decoders = setup.table.decoders
    return child(LocalRecogniser, setup.kind.engine, decoders, name=setup.actor, max_concurrency=decoders)
