"""What models cost: data, with its source and the day on which it was read, in ``prices.toml``.

Prices change; a provider's own list (`troupe.actors.contracts.ListModels`) and a configuration's ``prices`` go before.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from ...actors.contracts import Price, Usage
from ..kinds.kind import Work
from ..kinds.price import ModelPrice

READ_PER_WRITTEN: Final = 3
"""Tokens that are read for each that is written, where language models are compared by one number."""

HEARD_PER_SPOKEN: Final = 1
"""The same for tokens of speech: who speaks is heard once, and is counted half."""

FREE: Final = ModelPrice(input=0, output=0, audio_input=0, audio_output=0, hour=0, characters=0, image=0)
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
        case "realtime":
            if price.audio_input is None or price.audio_output is None:
                return None
            return (HEARD_PER_SPOKEN * price.audio_input + price.audio_output) / (HEARD_PER_SPOKEN + 1)


def listed(price: Price, source: str) -> ModelPrice:
    """Return a price of a provider's own list."""
    return ModelPrice(input=price.input, output=price.output, cached=price.cached, source=source, status="provider")


def spent(price: ModelPrice, used: Usage) -> float:
    """Return what was used in US dollars, by a price: an estimate, for providers charge in ways of their own.

    A model that is charged by tokens and has a price for an hour, too, is charged by tokens if it tells them.
    """
    read, kept = price.input or 0.0, price.cached
    dollars = (used.input_tokens - used.cached_tokens) * read + used.output_tokens * (price.output or 0.0)
    dollars += used.cached_tokens * (read if kept is None else kept) + used.characters * (price.characters or 0.0)
    if price.hour is not None and not (price.input and used.input_tokens):
        dollars += used.seconds / 3600 * price.hour * 1e6
    return dollars / 1e6 + used.images * (price.image or 0.0)


def price_of(kind: str, model: str) -> ModelPrice | None:
    """Return what a model of a kind of provider costs, if it stands in the file."""
    return known_prices().get(kind, {}).get(model)


def in_words(price: ModelPrice) -> str:
    """Say what a model costs: ``$0.15 / $0.6 per million tokens``, read and written; empty if it says nothing."""
    tokens = " / ".join(f"${each:g}" for each in (price.input, price.output) if each is not None)
    said = [f"{tokens} per million tokens"] if tokens else []
    speech = " / ".join(f"${each:g}" for each in (price.audio_input, price.audio_output) if each is not None)
    said += [f"{speech} per million tokens of speech"] if speech else []
    units = {"per hour heard": price.hour, "per million characters": price.characters, "per picture": price.image}
    said += [f"${each:g} {unit}" for unit, each in units.items() if each is not None]
    return ", ".join(said)


@cache
def known_prices() -> dict[str, dict[str, ModelPrice]]:
    """Return all prices of the file, by kind of provider and model."""
    text = Path(__file__).with_name("prices.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, dict[str, ModelPrice]])
