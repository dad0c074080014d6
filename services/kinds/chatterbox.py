"""Chatterbox servers: see `troupe.actors.providers.chatterbox`."""

from ...actors.http import Deadlines
from ...actors.providers.chatterbox.endpoint import PATIENCE, ChatterboxEndpoint
from ...actors.providers.chatterbox.speech import ChatterboxSpeech
from ...actors.providers.chatterbox.wire.speech import SpeechOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import Setup
from .remote import RemoteTable, located


class Table(RemoteTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    deadlines: Deadlines = PATIENCE
    """Seconds that it may take: `connect`, `first`, `between`, `total`."""
    options: SpeechOptions = SpeechOptions()
    """How to speak: `voice`, `exaggeration`, `cfg_weight`, `temperature`, `streaming_chunk_size`, …"""


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer."""
    at = located(setup, ChatterboxEndpoint)
    return child(ChatterboxSpeech, setup.http, at, setup.table.options, name=setup.actor)
