"""Together: see `troupe.actors.providers.together`."""

from msgspec.structs import replace

from ...actors.providers.openai.chat import OpenAiChat
from ...actors.providers.openai.embeddings import OpenAiEmbeddings
from ...actors.providers.openai.endpoint import Endpoint, endpoint
from ...actors.providers.openai.images import OpenAiImages
from ...actors.providers.together import TogetherImageOptions, TogetherOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import Setup
from .remote import RemoteTable


class Table(RemoteTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    options: TogetherOptions = TogetherOptions()
    """How to answer: `max_tokens`, `temperature`, `top_k`, `reasoning_effort`, …"""


def llm(setup: Setup[Table]) -> ActorSpec:
    """Make the language model."""
    return child(OpenAiChat, setup.http, _endpoint(setup), setup.model, setup.table.options, name=setup.actor)


def embedding(setup: Setup[Table]) -> ActorSpec:
    """Make what turns texts into vectors."""
    return child(OpenAiEmbeddings, setup.http, _endpoint(setup), setup.model, name=setup.actor)


def image(setup: Setup[Table]) -> ActorSpec:
    """Make what makes pictures."""
    options = TogetherImageOptions()
    return child(OpenAiImages, setup.http, _endpoint(setup), setup.model, options, name=setup.actor)


def _endpoint(setup: Setup[Table]) -> Endpoint:
    table = setup.table
    at = endpoint("together", base_url=table.base_url or None, key=setup.key, deadlines=table.deadlines)
    return replace(at, provider=setup.provider, headers=table.headers)
