"""Tokens used, as the audio endpoints tell them."""

from msgspec import Struct

from ....contracts import Usage


class TokenUsage(Struct):
    """What an answer says it used; one that is counted in seconds says nothing about tokens."""

    input_tokens: int | None = None
    output_tokens: int | None = None


def tokens(usage: TokenUsage | None) -> Usage:
    """Return it in terms that all providers share."""
    if usage is None:
        return Usage()
    return Usage(input_tokens=usage.input_tokens or 0, output_tokens=usage.output_tokens or 0)
