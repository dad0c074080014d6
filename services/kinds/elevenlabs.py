"""ElevenLabs: see `troupe.actors.providers.elevenlabs`."""

from msgspec import field

from ...actors.http import Deadlines
from ...actors.providers.elevenlabs.endpoint import ADDRESS, ElevenLabsEndpoint
from ...actors.providers.elevenlabs.recogniser import ElevenLabsRecogniser
from ...actors.providers.elevenlabs.synthesizer import ElevenLabsSynthesizer
from ...actors.providers.elevenlabs.wire.recognition import RecognitionOptions
from ...actors.providers.elevenlabs.wire.speech import SpeechOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import ProviderTable, Setup


class Table(ProviderTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    headers: dict[str, str] = field(default_factory=dict)
    """Headers for every request."""
    deadlines: Deadlines = Deadlines()
    """Seconds that it may take: `connect`, `first`, `between`, `total`."""
    voice: str = "JBFqnCBsd6RMkjVDRZzb"
    """The id of the voice that speaks where nobody names one: George, one of those that every account has."""
    stability: float | None = None
    """How much alike the voice sounds each time, 0 to 1; its own setting if not given."""
    similarity_boost: float | None = None
    """How close it is to its original, 0 to 1."""
    style: float | None = None
    """How much it exaggerates its style, 0 to 1."""
    keyterms: tuple[str, ...] = ()
    """Words to expect when listening."""
    enable_logging: bool = True
    """Whether the provider may keep what it gets."""


def stt(setup: Setup[Table]) -> ActorSpec:
    """Make the recogniser."""
    table = setup.table
    options = RecognitionOptions(model=setup.model, keyterms=table.keyterms, enable_logging=table.enable_logging)
    return child(ElevenLabsRecogniser, setup.http, _endpoint(setup), options, name=setup.actor)


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
    return child(ElevenLabsSynthesizer, setup.http, _endpoint(setup), options, name=setup.actor)


def _endpoint(setup: Setup[Table]) -> ElevenLabsEndpoint:
    table = setup.table
    return ElevenLabsEndpoint(
        provider=setup.provider,
        base_url=table.base_url or ADDRESS,
        key=setup.key,
        headers=table.headers,
        deadlines=table.deadlines,
    )
