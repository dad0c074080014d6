"""Deepgram: see `troupe.actors.providers.deepgram`."""

from ...actors.http import Deadlines
from ...actors.providers.deepgram.endpoint import ADDRESS, DeepgramEndpoint
from ...actors.providers.deepgram.recogniser import DeepgramRecogniser
from ...actors.providers.deepgram.synthesizer import DeepgramSynthesizer
from ...actors.providers.deepgram.wire.listen import ListenOptions
from ...actors.providers.deepgram.wire.speak import SpeakOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import ProviderTable, Setup


class Table(ProviderTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    deadlines: Deadlines = Deadlines()
    """Seconds that it may take: `connect`, `first`, `between`, `total`."""
    language: str = "multi"
    """Which is spoken where a session does not say, as BCP 47; ``multi`` for whichever of ten."""
    smart_format: bool = True
    """Whether to write punctuation, and numbers and dates as they are written."""
    keyterms: tuple[str, ...] = ()
    """Words to expect, for nova-3."""
    mip_opt_out: bool = False
    """Whether nothing may be used to improve models, which costs more."""


def stt(setup: Setup[Table]) -> ActorSpec:
    """Make the recogniser."""
    table = setup.table
    options = ListenOptions(
        model=setup.model,
        language=table.language,
        smart_format=table.smart_format,
        keyterms=table.keyterms,
        mip_opt_out=table.mip_opt_out,
    )
    return child(DeepgramRecogniser, setup.http, _endpoint(setup), options, name=setup.actor)


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer."""
    options = SpeakOptions(model=setup.model, mip_opt_out=setup.table.mip_opt_out)
    return child(DeepgramSynthesizer, setup.http, _endpoint(setup), options, name=setup.actor)


def _endpoint(setup: Setup[Table]) -> DeepgramEndpoint:
    table = setup.table
    return DeepgramEndpoint(
        provider=setup.provider, base_url=table.base_url or ADDRESS, key=setup.key, deadlines=table.deadlines
    )
