"""How to answer, where a request does not say otherwise: the options of chat completions."""

from typing import Annotated, Literal

from msgspec import Meta

from ....options import Options

Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class ChatOptions(Options, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Members of the request's body, by the names that the API gives them; what is left alone is not sent.

    Not every model takes every one of them. Ranges are those of OpenAI's published description.
    """

    temperature: Annotated[float, Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    """Of the answer. It goes out under the name that the server knows; see `Dialect.limits`."""
    stop: Annotated[tuple[str, ...], Meta(max_length=4)] = ()
    seed: int | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    reasoning_effort: Effort | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    parallel_tool_calls: bool | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None = None
    prompt_cache_key: str | None = None
    safety_identifier: Annotated[str, Meta(max_length=128)] | None = None
    metadata: Annotated[dict[str, str], Meta(max_length=16)] | None = None
