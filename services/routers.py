"""The actors that have a part done by the first provider of a chain that can."""

import math
from collections.abc import Mapping, Sequence

from ..actors.routing import (
    FallbackModel,
    FallbackRecogniser,
    FallbackSynthesizer,
    ModelPatience,
    Provider,
    RecogniserPatience,
    SynthesizerPatience,
)
from ..actors.voice.services import OPENAI_VOICES
from ..runtime import child
from ..runtime.specs import ActorSpec
from .choice import Link
from .config.schema import Patience
from .kinds.kind import Part


def provider(link: Link, voices: Mapping[str, str], expected: float | None = None) -> Provider:
    """Return a link as a router knows it.

    Args:
        link: The link.
        voices: What voices that clients name are called at synthesizers.
        expected: After how many seconds its answers began in earlier runs, if that is known.
    """
    unknown = {} if link.kind.openai_voices else dict.fromkeys(OPENAI_VOICES, "")
    return Provider(
        link.path,
        models={"*": link.model},
        voices={**unknown, **voices},
        flexible=link.flexible,
        per_minute=link.table.per_minute,
        expected=expected,
    )


def router_over(part: Part, chain: Sequence[Provider], patience: Patience) -> ActorSpec:
    """Specify the router of a part over a chain, called after the part."""
    match part:
        case "stt":
            hearing = RecogniserPatience(final=patience.transcript, alone=patience.last, adaptive=patience.adaptive)
            return child(FallbackRecogniser, chain, hearing, name=part)
        case "llm":
            thinking = ModelPatience(
                first_token=patience.first_token,
                between_tokens=patience.between_tokens,
                alone=patience.last,
                adaptive=patience.adaptive,
                hedge_after=patience.hedge_after or math.inf,
                hedge_late=patience.hedge_late,
            )
            return child(FallbackModel, chain, thinking, name=part)
        case "tts":
            speaking = SynthesizerPatience(
                first_audio=patience.first_audio,
                between_chunks=patience.between_audio,
                alone=patience.last,
                adaptive=patience.adaptive,
            )
            return child(FallbackSynthesizer, chain, speaking, name=part)
