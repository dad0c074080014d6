"""Together: open models behind OpenAI's API, with their prices.

The actors are `OpenAiChat` and `OpenAiImages` of `troupe.actors.providers.openai`, with its ``endpoint("together")``;
here are the options that Together has beyond OpenAI's.

Source: Together's published API description (2.0.0).
"""

from typing import Annotated, Any, Literal

from msgspec import Meta

from ..contracts import MakeImage
from .openai.wire.images import PictureOptions
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


class TogetherImageOptions(PictureOptions, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How Together makes pictures, where a request does not say otherwise; for `OpenAiImages`."""

    output_format: Literal["png", "jpeg"] | None = None
    steps: Annotated[int, Meta(ge=1)] | None = None
    seed: int | None = None
    negative_prompt: str | None = None
    """What is not to be seen."""
    guidance_scale: Annotated[float, Meta(ge=0)] | None = None
    """How closely to follow the description."""
    disable_safety_checker: bool | None = None

    def body(self, request: MakeImage, model: str) -> dict[str, Any]:
        """See `ImageOptions.body`."""
        body: dict[str, Any] = {
            "model": model,
            "prompt": request.prompt,
            "n": request.count,
            "response_format": "base64",
        }
        if request.size is not None:
            body["width"], body["height"] = request.size
        return body | self.members("quality", "background", "output_compression", "moderation", "partial_images")
