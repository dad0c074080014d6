"""How long a session waits for its providers."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds that each step of a turn may take before the turn counts as failed."""

    transcript: float = 10.0
    """From the end of speech to its final transcript."""
    first_token: float = 15.0
    """From the request to a model to the first token."""
    between_tokens: float = 10.0
    """From each token to the next."""
    answer: float = 60.0
    """For all tokens of an answer: only the time counts in which the model is waited for, so that an answer may take as
    long as it takes to be heard, but one that comes at a byte a second ends."""
    first_audio: float = 10.0
    """From a piece of text to its first audio."""
    between_audio: float = 5.0
    """From each chunk of audio to the next."""
    speech: float = 20.0
    """That a synthesizer may be behind of what it has spoken, all waits of an answer taken together."""
