"""Anthropic: see `troupe.actors.providers.anthropic`."""

from ...actors.providers.anthropic.chat import AnthropicChat
from ...actors.providers.anthropic.endpoint import endpoint
from ...actors.providers.anthropic.wire.options import MessagesOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import Setup
from .remote import RemoteTable


class Table(RemoteTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``; its `base_url` has no version."""

    options: MessagesOptions = MessagesOptions()
    """How to answer: `max_tokens`, `temperature`, `thinking`, `effort`, `cache`, …"""


def llm(setup: Setup[Table]) -> ActorSpec:
    """Make the language model."""
    table = setup.table
    at = endpoint(
        provider=setup.provider,
        base_url=table.base_url or None,
        key=setup.key,
        headers=table.headers,
        deadlines=table.deadlines,
    )
    return child(AnthropicChat, setup.http, at, setup.model, table.options, name=setup.actor)
