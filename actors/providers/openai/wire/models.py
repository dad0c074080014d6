"""``GET /models``: which there are.

OpenAI tells little of a model. OpenRouter tells prices, as texts in dollars per token, and what goes in and out;
Together sends a bare list, with prices as numbers in dollars per million. One decoder reads them all.
"""

from typing import Final

import msgspec
from msgspec import Struct

from ....contracts import Feature, Model, Price
from ....decoding import decoded


class _Pricing(Struct):
    prompt: str | None = None
    completion: str | None = None
    input_cache_read: str | None = None
    input: float | None = None
    output: float | None = None
    cached_input: float | None = None


class _Architecture(Struct):
    input_modalities: tuple[str, ...] = ()
    output_modalities: tuple[str, ...] = ()


class _Model(Struct):
    id: str
    owned_by: str | None = None
    organization: str | None = None
    shutdown_date: str | None = None
    expiration_date: str | None = None
    name: str | None = None
    display_name: str | None = None
    context_length: int | None = None
    pricing: _Pricing | None = None
    architecture: _Architecture | None = None
    supported_parameters: tuple[str, ...] = ()
    type: str | None = None

    def told(self) -> Model:
        """Return it in terms that all providers share."""
        until = self.shutdown_date or self.expiration_date
        return Model(
            self.id,
            self.owned_by or self.organization or "",
            until and until[:10],
            self.name or self.display_name or "",
            self.context_length,
            _price(self.pricing) if self.pricing is not None else None,
            self._features(),
        )

    def _features(self) -> tuple[Feature, ...] | None:
        if self.architecture is None:
            return _BY_TYPE.get(self.type or "")
        told = (
            *(("out", kind) for kind in self.architecture.output_modalities),
            *(("in", kind) for kind in self.architecture.input_modalities),
            *(("parameter", name) for name in self.supported_parameters),
        )
        return tuple(feature for sign, feature in _SIGNS if sign in told)


_BY_TYPE: Final[dict[str, tuple[Feature, ...]]] = {
    "chat": ("text",),
    "language": ("text",),
    "code": ("text",),
    "image": ("image_generation",),
    "embedding": ("embeddings",),
    "audio": ("speech",),
    "transcribe": ("transcription",),
}
_SIGNS: Final[tuple[tuple[tuple[str, str], Feature], ...]] = (
    (("out", "text"), "text"),
    (("parameter", "tools"), "tools"),
    (("in", "image"), "images"),
    (("parameter", "reasoning"), "reasoning"),
    (("out", "image"), "image_generation"),
    (("out", "speech"), "speech"),
    (("out", "transcription"), "transcription"),
    (("out", "embeddings"), "embeddings"),
)


def _price(pricing: _Pricing) -> Price | None:
    """Return it in dollars per million; None where a price depends on something, which is told as a negative one."""
    if pricing.prompt is not None and pricing.completion is not None:
        told = [_per_million(text) for text in (pricing.prompt, pricing.completion, pricing.input_cache_read)]
    else:
        told = [pricing.input, pricing.output, pricing.cached_input]
    put_in, got_out, cached = told
    if put_in is None or got_out is None or min(put_in, got_out) < 0:
        return None
    return Price(input=put_in, output=got_out, cached=cached)


def _per_million(text: str | None) -> float | None:
    try:
        return None if text is None else round(float(text) * 1e6, 9)
    except ValueError:
        return None


class _Models(Struct):
    data: list[_Model]


_decode: Final = msgspec.json.Decoder(_Models | list[_Model]).decode


def decode_models(body: bytes, provider: str) -> tuple[Model, ...]:
    """Decode the body of ``GET /models``.

    Raises:
        BrokenStream: It makes no sense.
    """
    models = decoded(_decode, body, provider)
    return tuple(model.told() for model in (models.data if isinstance(models, _Models) else models))
