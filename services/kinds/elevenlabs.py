"""ElevenLabs: see `troupe.actors.providers.elevenlabs`."""

from typing import Final

from ...actors.providers.elevenlabs.endpoint import ElevenLabsEndpoint
from ...actors.providers.elevenlabs.recogniser import ElevenLabsRecogniser
from ...actors.providers.elevenlabs.speech import ElevenLabsSpeech
from ...actors.providers.elevenlabs.synthesizer import ElevenLabsSynthesizer
from ...actors.providers.elevenlabs.transcription import ElevenLabsTranscription
from ...actors.providers.elevenlabs.wire.recognition import RecognitionOptions
from ...actors.providers.elevenlabs.wire.speech import Part, SpeechOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import Setup
from .remote import RemoteTable, located

ONLY_HTTP: Final = ("eleven_v3",)
"""How models are called that do not speak over WebSockets."""
LIVE: Final = ("_realtime", "_live")
"""How names of models end that hear while somebody speaks."""


class Table(RemoteTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    streaming: bool = True
    """Whether to speak over WebSockets, where the model can; without, each piece of text is a request."""
    voice: str = "JBFqnCBsd6RMkjVDRZzb"
    """The id of the voice that speaks where nobody names one."""
    stability: Part | None = None
    """How much alike it sounds each time, from 0 to 1; the voice's own without it."""
    similarity_boost: Part | None = None
    """How close it keeps to the voice, from 0 to 1."""
    style: Part | None = None
    """How much of the voice's style is exaggerated, from 0 to 1; it takes longer."""
    keyterms: tuple[str, ...] = ()
    """Words to expect."""
    enable_logging: bool = True
    """Without, nothing is kept at the provider; for large customers."""


def stt(setup: Setup[Table]) -> ActorSpec:
    """Make the recogniser: a live one, if the model is."""
    table = setup.table
    options = RecognitionOptions(model=setup.model, keyterms=table.keyterms, enable_logging=table.enable_logging)
    actor = ElevenLabsRecogniser if setup.model.endswith(LIVE) else ElevenLabsTranscription
    return child(actor, setup.http, located(setup, ElevenLabsEndpoint), options, name=setup.actor)


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer."""
    table = setup.table
    options = SpeechOptions(
        model=setup.model,
        voice=table.voice,
        stability=table.stability,
        similarity_boost=table.similarity_boost,
        style=table.style,
        enable_logging=table.enable_logging,
    )
    streaming = table.streaming and not setup.model.startswith(ONLY_HTTP)
    actor = ElevenLabsSynthesizer if streaming else ElevenLabsSpeech
    return child(actor, setup.http, located(setup, ElevenLabsEndpoint), options, name=setup.actor)
