"""Deepgram: see `troupe.actors.providers.deepgram`."""

from ...actors.providers.deepgram.endpoint import DeepgramEndpoint
from ...actors.providers.deepgram.recogniser import DeepgramRecogniser
from ...actors.providers.deepgram.speech import DeepgramSpeech
from ...actors.providers.deepgram.synthesizer import DeepgramSynthesizer
from ...actors.providers.deepgram.transcription import DeepgramTranscription
from ...actors.providers.deepgram.wire.listen import ListenOptions
from ...actors.providers.deepgram.wire.speak import SpeakOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import Setup
from .remote import RemoteTable, located


class Table(RemoteTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    streaming: bool = True
    """Whether to talk over WebSockets; without, an utterance is heard once it is over, which is cheaper, and each piece
    of text is a request."""
    language: str = "multi"
    """That is spoken where nobody says another; ``multi`` for whichever it is."""
    keyterms: tuple[str, ...] = ()
    """Words to expect, for nova-3."""
    smart_format: bool = True
    """Punctuation, and numbers and dates as they are written."""
    endpointing_ms: int | None = None
    """Milliseconds of silence after which words become final."""
    mip_opt_out: bool = False
    """Whether audio and texts must not be used to improve models, which costs more."""


def stt(setup: Setup[Table]) -> ActorSpec:
    """Make the recogniser."""
    table = setup.table
    options = ListenOptions(
        model=setup.model,
        language=table.language,
        keyterms=table.keyterms,
        smart_format=table.smart_format,
        endpointing=table.endpointing_ms,
        mip_opt_out=table.mip_opt_out,
    )
    actor = DeepgramRecogniser if table.streaming else DeepgramTranscription
    return child(actor, setup.http, located(setup, DeepgramEndpoint), options, name=setup.actor)


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer."""
    options = SpeakOptions(model=setup.model, mip_opt_out=setup.table.mip_opt_out)
    actor = DeepgramSynthesizer if setup.table.streaming else DeepgramSpeech
    return child(actor, setup.http, located(setup, DeepgramEndpoint), options, name=setup.actor)
