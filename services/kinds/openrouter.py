"""OpenRouter: see `troupe.actors.providers.openrouter`."""

from ...actors.providers.openai.chat import OpenAiChat
from ...actors.providers.openrouter import OpenRouterOptions, endpoint
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import Setup
from .remote import RemoteTable


class Table(RemoteTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    app_url: str | None = None
    """Which app is asking, for OpenRouter's statistics."""
    app_title: str | None = None
    """That app's name."""
    options: OpenRouterOptions = OpenRouterOptions()
    """How to answer, and which provider is asked: `provider`, `models`, `reasoning`, `temperature`, …"""


def llm(setup: Setup[Table]) -> ActorSpec:
    """Make the language model."""
    table = setup.table
    at = endpoint(
        provider=setup.provider,
        base_url=table.base_url or None,
        key=setup.key,
        app_url=table.app_url,
        app_title=table.app_title,
        headers=table.headers,
        deadlines=table.deadlines,
    )
    return child(OpenAiChat, setup.http, at, setup.model, table.options, name=setup.actor)
