"""Cartesia: see `troupe.actors.providers.cartesia`."""

from ...actors.providers.cartesia.endpoint import CartesiaEndpoint
from ...actors.providers.cartesia.recogniser import CartesiaRecogniser
from ...actors.providers.cartesia.synthesizer import CartesiaSynthesizer
from ...actors.providers.cartesia.wire.recognition import RecognitionOptions
from ...actors.providers.cartesia.wire.speech import SpeechOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import Setup
from .remote import RemoteTable, located


class Table(RemoteTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    voice: str = "f786b574-daa5-4673-aa0c-cbe3e8534c02"
    """The id of the voice that speaks where nobody names one."""
    emotion: str | None = None
    """In which mood it speaks, for sonic-3 and newer."""
    keyterms: tuple[str, ...] = ()
    """Words to expect."""


def stt(setup: Setup[Table]) -> ActorSpec:
    """Make the recogniser."""
    options = RecognitionOptions(model=setup.model, keyterms=setup.table.keyterms)
    return child(CartesiaRecogniser, setup.http, located(setup, CartesiaEndpoint), options, name=setup.actor)


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer."""
    options = SpeechOptions(model=setup.model, voice=setup.table.voice, emotion=setup.table.emotion)
    return child(CartesiaSynthesizer, setup.http, located(setup, CartesiaEndpoint), options, name=setup.actor)
