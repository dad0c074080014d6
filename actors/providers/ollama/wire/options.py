"""How to answer, and how to keep the model, where a request does not say otherwise."""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta

from ....options import Options

_OF_THE_REQUEST: Final = ("keep_alive", "think", "truncate", "format")
"""Those that stand in a request itself; all others are the model's, and stand under ``options``."""


class OllamaOptions(Options, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Options of ``POST /api/chat``, by the names that Ollama gives them; what is left alone is not sent."""

    keep_alive: str | float | None = None
    """For how long the model stays loaded: seconds, or ``5m``; negative for ever."""
    think: bool | Literal["low", "medium", "high", "max"] | None = None
    """Whether to think before the answer; models that can do so unless they are told not to."""
    truncate: bool | None = None
    """Whether a conversation that is too long is cut silently, as it is usually, or refused."""
    format: Literal["json"] | dict[str, Any] | None = None
    """What the answer has to be: JSON, or JSON of a schema."""
    max_tokens: Annotated[int, Meta(ge=1)] | None = None
    """Of the answer."""
    num_ctx: Annotated[int, Meta(ge=1)] | None = None
    """Tokens of the context; it is loaded anew when this changes."""
    temperature: Annotated[float, Meta(ge=0)] | None = None
    top_k: Annotated[int, Meta(ge=0)] | None = None
    top_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    min_p: Annotated[float, Meta(ge=0, le=1)] | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    repeat_last_n: Annotated[int, Meta(ge=-1)] | None = None
    repeat_penalty: Annotated[float, Meta(ge=0)] | None = None
    presence_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Meta(ge=-2, le=2)] | None = None
    num_gpu: int | None = None
    """Layers on the GPU."""
    num_thread: Annotated[int, Meta(ge=1)] | None = None

    def body(self) -> dict[str, Any]:
        """Return them as they stand in a request."""
        members = self.members("max_tokens")
        if self.max_tokens is not None:
            members["num_predict"] = self.max_tokens
        body = {name: members.pop(name) for name in _OF_THE_REQUEST if name in members}
        return body | ({"options": members} if members else {})
