"""Ollama: see `troupe.actors.providers.ollama`."""

from msgspec import field

from ...actors.http import Deadlines
from ...actors.providers.ollama.endpoint import PATIENCE, endpoint
from ...actors.providers.ollama.models import OllamaModels
from ...actors.providers.ollama.wire.options import OllamaOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import ProviderTable, Setup


class Table(ProviderTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    headers: dict[str, str] = field(default_factory=dict)
    """Headers for every request."""
    deadlines: Deadlines = PATIENCE
    """Seconds that it may take: `connect`, `first`, `between`, `total`."""
    options: OllamaOptions = field(default_factory=OllamaOptions)
    """How to answer; see `OllamaOptions`."""


def llm(setup: Setup[Table]) -> ActorSpec:
    """Make the language model."""
    table = setup.table
    there = endpoint(
        provider=setup.provider,
        base_url=table.base_url.removesuffix("/v1") or None,
        key=setup.key,
        headers=table.headers,
        deadlines=table.deadlines,
    )
    return child(OllamaModels, setup.http, there, setup.model, table.options, name=setup.actor)
