"""Prices are data with a source and a day, and one number compares them."""

import tomllib
from datetime import date
from pathlib import Path

import pytest
from troupe.actors.contracts import Price, Usage
from troupe.services.catalogue import prices
from troupe.services.catalogue.prices import cost, in_words, listed, price_of, spent
from troupe.services.kinds.kind import WORKS, Work
from troupe.services.kinds.price import ModelPrice
from troupe.services.kinds.registry import KINDS

FILE = tomllib.loads(Path(prices.__file__).with_name("prices.toml").read_text())


@pytest.mark.parametrize(("kind", "model"), [(kind, model) for kind, models in FILE.items() for model in models])
def test_each_price_in_the_file_is_of_use_and_says_where_it_is_from(kind: str, model: str) -> None:
    price = price_of(kind, model)
    assert price is not None
    assert kind in KINDS
    assert any(cost(price, work) is not None for work in KINDS[kind].works)
    assert price.source.startswith("https://")
    assert date.fromisoformat(price.read)
    assert price.status in {"provider", "third party"}
    assert in_words(price)


@pytest.mark.parametrize(
    ("work", "price", "number"),
    [
        ("llm", ModelPrice(input=1, output=5), 2),
        ("llm", ModelPrice(input=1), None),
        ("stt", ModelPrice(hour=0.4), 0.4),
        ("tts", ModelPrice(characters=30), 30),
        ("embedding", ModelPrice(input=0.02), 0.02),
        ("image", ModelPrice(image=0.04), 0.04),
        ("image", None, None),
    ],
)
def test_one_number(work: Work, price: ModelPrice | None, number: float | None) -> None:
    assert cost(price, work) == number


@pytest.mark.parametrize(
    ("price", "used", "dollars"),
    [
        (ModelPrice(input=2, output=10), Usage(input_tokens=1000, output_tokens=100), 0.003),
        (ModelPrice(input=2, output=10, cached=0.2), Usage(input_tokens=1000, cached_tokens=500), 0.0011),
        (ModelPrice(input=2, output=10), Usage(input_tokens=1000, cached_tokens=500), 0.002),
        (ModelPrice(hour=0.36), Usage(seconds=600), 0.06),
        (ModelPrice(characters=50), Usage(characters=2000, seconds=120), 0.1),
        (ModelPrice(input=1.25, output=5, hour=0.18), Usage(seconds=3600), 0.18),
        (ModelPrice(input=1.25, output=5, hour=0.18), Usage(seconds=3600, input_tokens=10**6), 1.25),
        (ModelPrice(image=0.04), Usage(images=3), 0.12),
        (ModelPrice(), Usage(input_tokens=5), 0),
    ],
)
def test_what_was_spent(price: ModelPrice, used: Usage, dollars: float) -> None:
    assert spent(price, used) == pytest.approx(dollars)


def test_what_is_free_is_so_for_all_work_and_what_is_not_known_is_not() -> None:
    assert {cost(prices.FREE, work) for work in WORKS} == {0}
    assert {cost(ModelPrice(), work) for work in WORKS} == {None}
    assert price_of("openai", "no-such-model") is None


def test_a_list_of_a_provider() -> None:
    assert listed(Price(input=1, output=2, cached=0.5), "its list") == ModelPrice(
        input=1, output=2, cached=0.5, source="its list", status="provider"
    )


@pytest.mark.parametrize(
    ("price", "words"),
    [
        (ModelPrice(input=0.15, output=0.6), "$0.15 / $0.6 per million tokens"),
        (ModelPrice(input=0.02), "$0.02 per million tokens"),
        (ModelPrice(input=1.25, output=5, hour=0.18), "$1.25 / $5 per million tokens, $0.18 per hour heard"),
        (ModelPrice(characters=50), "$50 per million characters"),
        (ModelPrice(image=0.0), "$0 per picture"),
        (ModelPrice(), ""),
    ],
)
def test_in_words(price: ModelPrice, words: str) -> None:
    assert in_words(price) == words
