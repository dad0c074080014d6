"""How a response has ended, and what it has used: the members of its last event. No I/O."""

from typing import Final, Literal

from ..contracts import Ended
from ..errors import provider_error
from ..realtime.responses import (
    CachedTokens,
    InputTokens,
    OutputTokens,
    ResponseError,
    StatusDetails,
    Usage,
    usage_of,
)
from .transcripts import TranscriptMissing

INPUT_TOKENS_PER_SECOND: Final = 10
"""How OpenAI counts the user's speech in the context, ..."""
OUTPUT_TOKENS_PER_SECOND: Final = 20
"""... and the assistant's."""

CancelReason = Literal["turn_detected", "client_cancelled"]
ResponseStatus = Literal["completed", "cancelled", "failed", "incomplete"]


def outcome(
    failure: Exception | None, cancelled: CancelReason | None, ending: Ended
) -> tuple[ResponseStatus, StatusDetails | None]:
    """Return the status of a response, and why it is that.

    Args:
        failure: What it failed of.
        cancelled: Why it was cancelled.
        ending: What the model said at its end.
    """
    if failure is not None:
        return "failed", StatusDetails(type="failed", error=explain(failure))
    if cancelled is not None:
        return "cancelled", StatusDetails(type="cancelled", reason=cancelled)
    match ending.reason:
        case "length":
            return "incomplete", StatusDetails(type="incomplete", reason="max_output_tokens")
        case "content_filter":
            return "incomplete", StatusDetails(type="incomplete", reason="content_filter")
        case _:
            return "completed", None


def usage(ending: Ended, heard: float, spoken: float) -> Usage:
    """Count text as the model's provider does, and audio as OpenAI does.

    Args:
        ending: What the model said at its end.
        heard: Seconds of the user's speech in what the model was told.
        spoken: Seconds of audio in the response.
    """
    inputs = InputTokens(
        text_tokens=ending.input_tokens,
        audio_tokens=round(heard * INPUT_TOKENS_PER_SECOND),
        cached_tokens=ending.cached_tokens,
        cached_tokens_details=CachedTokens(text_tokens=ending.cached_tokens),
    )
    outputs = OutputTokens(text_tokens=ending.output_tokens, audio_tokens=round(spoken * OUTPUT_TOKENS_PER_SECOND))
    return usage_of(inputs, outputs)


def explain(failure: Exception) -> ResponseError:
    """Say what went wrong, without what a provider or a user said."""
    if isinstance(failure, TranscriptMissing):
        code, message = "transcription_failed", "What was said could not be transcribed."
    else:
        error = provider_error(failure, "")
        code, message = error.code, error.public
    return ResponseError(type="server_error", code=code, message=message)
