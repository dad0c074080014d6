"""Hume: see `troupe.actors.providers.hume`."""

from msgspec import field
from msgspec.structs import replace

from ...actors.http import Deadlines
from ...actors.providers.hume.endpoint import ADDRESS, HumeEndpoint
from ...actors.providers.hume.speech import HumeSpeech
from ...actors.providers.hume.synthesizer import HumeSynthesizer
from ...actors.providers.hume.wire.speech import SpeechOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import ProviderTable, Setup


class Table(ProviderTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``; its `base_url` has no version."""

    headers: dict[str, str] = field(default_factory=dict)
    """Headers for every request."""
    deadlines: Deadlines = Deadlines()
    """Seconds that it may take: `connect`, `first`, `between`, `total`."""
    streaming: bool = True
    """Whether to speak over WebSockets; without, each piece of text is a request."""
    options: SpeechOptions = SpeechOptions()
    """How to speak: `voice`, `emotion`, `intensity`, `description`, `speed`, `trailing_silence`, `instant_mode`."""


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer."""
    table = setup.table
    at = HumeEndpoint(
        provider=setup.provider,
        base_url=table.base_url or ADDRESS,
        key=setup.key,
        headers=table.headers,
        deadlines=table.deadlines,
    )
    options = replace(table.options, model=setup.model)
    actor = HumeSynthesizer if table.streaming else HumeSpeech
    return child(actor, setup.http, at, options, name=setup.actor)
