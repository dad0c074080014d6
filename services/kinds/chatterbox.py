"""Chatterbox servers: see `troupe.actors.providers.chatterbox`."""

from msgspec import field

from ...actors.http import Deadlines
from ...actors.providers.chatterbox.endpoint import ADDRESS, PATIENCE, ChatterboxEndpoint
from ...actors.providers.chatterbox.speech import ChatterboxSpeech
from ...actors.providers.chatterbox.wire.speech import SpeechOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import ProviderTable, Setup


class Table(ProviderTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    headers: dict[str, str] = field(default_factory=dict)
    """Headers for every request, for what stands in front of it."""
    deadlines: Deadlines = PATIENCE
    """Seconds that it may take: `connect`, `first`, `between`, `total`."""
    options: SpeechOptions = SpeechOptions()
    """How to speak: `voice`, `exaggeration`, `cfg_weight`, `temperature`, `streaming_chunk_size`, …"""


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer."""
    table = setup.table
    at = ChatterboxEndpoint(
        provider=setup.provider,
        base_url=table.base_url or ADDRESS,
        key=setup.key,
        headers=table.headers,
        deadlines=table.deadlines,
    )
    return child(ChatterboxSpeech, setup.http, at, table.options, name=setup.actor)
