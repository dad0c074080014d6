"""Ollama: see `troupe.actors.providers.ollama`."""

from ...actors.http import Deadlines
from ...actors.providers.ollama.endpoint import PATIENCE, endpoint
from ...actors.providers.ollama.models import OllamaModels
from ...actors.providers.ollama.wire.options import OllamaOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import Setup
from .remote import RemoteTable


class Table(RemoteTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``; its `base_url` has no path."""

    deadlines: Deadlines = PATIENCE
    """Seconds that it may take: `connect`, `first`, `between`, `total`; loading a model counts as `first`."""
    options: OllamaOptions = OllamaOptions()
    """How to answer: `keep_alive`, `think`, `num_ctx`, `temperature`, …"""


def llm(setup: Setup[Table]) -> ActorSpec:
    """Make the language model."""
    return _models(setup)


def embedding(setup: Setup[Table]) -> ActorSpec:
    """Make what turns texts into vectors: the same actor."""
    return _models(setup)


def _models(setup: Setup[Table]) -> ActorSpec:
    table = setup.table
    at = endpoint(
        provider=setup.provider,
        base_url=table.base_url.removesuffix("/").removesuffix("/v1") or None,  # where its OpenAI-compatible API is
        key=setup.key,
        headers=table.headers,
        deadlines=table.deadlines,
    )
    return child(OllamaModels, setup.http, at, setup.model, table.options, name=setup.actor)
