"""What models cost: data, with its source and the day on which it was read, in ``prices.toml``.

Prices change; a provider's own list (`troupe.actors.contracts.ListModels`) and a configuration's ``prices`` go before.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from ...actors.contracts import Price
from ..kinds.kind import Work
from ..kinds.price import ModelPrice

READ_PER_WRITTEN: Final = 3
"""Tokens that are read for each that is written, where language models are compared by one number."""


FREE: Final = ModelPrice(input=0, output=0, hour=0, characters=0, image=0)
"""What runs on one's own machine."""


def cost(price: ModelPrice | None, work: Work) -> float | None:
    """Return one number by which models that do the same work are compared; None if it is not known.

    It is per million tokens, hour of audio, million characters, or picture.
    """
    if price is None:
        return None
    match work:
        case "llm":
            if price.input is None or price.output is None:
                return None
            return (READ_PER_WRITTEN * price.input + price.output) / (READ_PER_WRITTEN + 1)
        case "stt":
            return price.hour
        case "tts":
            return price.characters
        case "embedding":
            return price.input
        case "image":
            return price.image


def listed(price: Price, source: str) -> ModelPrice:
    """Return a price of a provider's own list."""
    return ModelPrice(input=price.input, output=price.output, cached=price.cached, source=source)


def price_of(kind: str, model: str) -> ModelPrice | None:
    """Return what a model of a kind of provider costs, if it stands in the file."""
    return _file().get(kind, {}).get(model)


@cache
def _file() -> dict[str, dict[str, ModelPrice]]:
    text = Path(__file__).with_name("prices.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, dict[str, ModelPrice]])
