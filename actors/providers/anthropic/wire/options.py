"""How to answer, where a request does not say otherwise."""

from typing import Annotated, Literal

from msgspec import Meta

from ....options import Options


class MessagesOptions(Options, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Options of ``POST /v1/messages``; what is left alone is not sent. Not every model takes every one of them.

    Raises:
        ValueError: A value is out of range, or the budget for thinking is not below `max_tokens`.
    """

    max_tokens: Annotated[int, Meta(ge=1)] = 4096
    """Of the answer, thinking included; the API wants to be told."""
    temperature: Annotated[float, Meta(ge=0, le=1)] | None = None
    """Models since Claude Opus 4.7 take none; they are asked without it once they have said so."""
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    top_k: Annotated[int, Meta(ge=1)] | None = None
    stop_sequences: tuple[str, ...] = ()
    thinking: Literal["adaptive", "between_tools", "disabled"] | Annotated[int, Meta(ge=1024)] | None = None
    """Whether to think before the answer, or for at most how many tokens; newer models take no number."""
    effort: Literal["low", "medium", "high", "xhigh", "max"] | None = None
    cache: Literal["5m", "1h"] | None = None
    """For how long the prompt is kept, so that the next request which begins with it costs less."""
    parallel_tool_calls: bool = True
    service_tier: Literal["auto", "standard_only"] | None = None
    user_id: str | None = None
    """An opaque name of the user, for Anthropic's detection of abuse."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.thinking, int) and self.thinking >= self.max_tokens:
            raise ValueError(f"thinking: {self.thinking} tokens are not less than max_tokens, {self.max_tokens}")
