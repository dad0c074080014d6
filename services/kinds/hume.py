"""Hume: see `troupe.actors.providers.hume`."""

from msgspec.structs import replace

from ...actors.providers.hume.endpoint import HumeEndpoint
from ...actors.providers.hume.speech import HumeSpeech
from ...actors.providers.hume.synthesizer import HumeSynthesizer
from ...actors.providers.hume.wire.speech import SpeechOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import Setup
from .remote import RemoteTable, located


class Table(RemoteTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``; its `base_url` has no version."""

    streaming: bool = True
    """Whether to speak over WebSockets; without, each piece of text is a request."""
    options: SpeechOptions = SpeechOptions()
    """How to speak: `voice`, `emotion`, `intensity`, `description`, `speed`, `trailing_silence`, `instant_mode`."""


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer."""
    options = replace(setup.table.options, model=setup.model)
    actor = HumeSynthesizer if setup.table.streaming else HumeSpeech
    return child(actor, setup.http, located(setup, HumeEndpoint), options, name=setup.actor)
