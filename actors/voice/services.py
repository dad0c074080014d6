"""What a session uses: references to providers, and what all sessions of a process share."""

from dataclasses import dataclass

from ...runtime import Ref
from .activity import Activity

OPENAI_VOICES = frozenset(
    {"alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"}
)
"""Voices that clients of OpenAI name without a thought; a synthesizer that does not have them speaks in its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds that each step of a turn may take before the turn counts as failed."""

    transcript: float = 10.0
    """From the end of speech to its final transcript."""
    first_token: float = 15.0
    """From the request to a model to the first token, and from each token to the next."""
    first_audio: float = 10.0
    """From a piece of text to its first audio, and from each chunk to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The providers of a session, each behind a reference: one actor, or a router over many."""

    recogniser: Ref
    model: Ref
    synthesizer: Ref
    activity: Activity
    patience: Patience = Patience()
    lead: float = 0.5
    """Seconds of audio that are sent ahead of its playback, so that a network's hiccup is not heard."""
    max_minutes: float = 60.0
    """How long a session may last."""

    @staticmethod
    def voice(name: str) -> str:
        """Return what to call a voice at the synthesizer: nothing, for its own, if it is one of OpenAI's."""
        return "" if name in OPENAI_VOICES else name
