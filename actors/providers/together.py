"""Together: open models behind OpenAI's API, with their prices.

The actor is `OpenAiChat`, with ``endpoint("together")`` of `troupe.actors.providers.openai`; here are the options that
Together has beyond OpenAI's.

Source: Together's published API description (2.0.0).
"""

from typing import Annotated, Any, Literal

from msgspec import Meta

from .openai.wire.options import ChatOptions


class TogetherOptions(ChatOptions, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Options of chat completions, and what Together has beyond them."""

    top_k: Annotated[int, Meta(ge=0)] | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    repetition_penalty: Annotated[float, Meta(ge=0)] | None = None
    context_length_exceeded_behavior: Literal["truncate", "error"] | None = None
    """What becomes of a request that is too long; an error, unless said otherwise."""
    safety_model: str | None = None
    """A model that judges the answer first."""
    chat_template_kwargs: dict[str, Any] | None = None
    """Arguments of the model's chat template, such as ``{"enable_thinking": False}``."""
