"""``GET /v1/models``: which there are, page by page, and what they can do."""

from typing import Final

import msgspec
from msgspec import Struct

from ....contracts import Feature, Model
from ....decoding import decoded

PAGE: Final = 1000
"""Models on a page, the most that the API gives."""


class _Supported(Struct):
    supported: bool = False


class _Capabilities(Struct):
    image_input: _Supported | None = None
    thinking: _Supported | None = None


class _Model(Struct):
    id: str
    display_name: str = ""
    retires_at: str | None = None
    max_input_tokens: int | None = None
    capabilities: _Capabilities | None = None

    def told(self) -> Model:
        """Return it in terms that all providers share."""
        features: tuple[Feature, ...] | None = None
        if (can := self.capabilities) is not None:
            seen: tuple[Feature, ...] = ("images",) if can.image_input and can.image_input.supported else ()
            thought: tuple[Feature, ...] = ("reasoning",) if can.thinking and can.thinking.supported else ()
            features = ("text", "tools", *seen, *thought)
        return Model(
            self.id,
            "anthropic",
            self.retires_at and self.retires_at[:10],
            self.display_name,
            self.max_input_tokens,
            features=features,
        )


class Page(Struct):
    """A part of the list."""

    data: list[_Model]
    has_more: bool = False
    last_id: str | None = None

    @property
    def models(self) -> tuple[Model, ...]:
        """The models on it."""
        return tuple(model.told() for model in self.data)


_decode_page: Final = msgspec.json.Decoder(Page).decode
_decode_model: Final = msgspec.json.Decoder(_Model).decode


def decode_page(body: bytes, provider: str) -> Page:
    """Decode a page of the list.

    Raises:
        BrokenStream: It makes no sense.
    """
    return decoded(_decode_page, body, provider)


def decode_model(body: bytes, provider: str) -> Model:
    """Decode the answer about one model.

    Raises:
        BrokenStream: It makes no sense.
    """
    return decoded(_decode_model, body, provider).told()
