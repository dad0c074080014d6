"""A model described: by its kind, the configuration, and lists."""

import json

import pytest
from troupe.services.catalogue import ModelPrice, describe
from troupe.services.kinds.kind import ProviderTable
from troupe.services.kinds.registry import KINDS

OPENAI = KINDS["openai"]


def test_what_a_kind_says() -> None:
    model = describe("openai", OPENAI, "llm", "gpt-4o-mini", ProviderTable())
    assert model.name == "openai/gpt-4o-mini"
    assert model.capabilities[0] == "text-generation"
    assert "image-text-to-text" in model.capabilities
    assert (set(model.takes), set(model.gives)) == ({"text", "image"}, {"text"})
    assert (model.locality, model.region, model.tenants) == ("cloud", "", ())
    assert model.cost == pytest.approx((3 * 0.15 + 0.60) / 4)


def test_a_configuration_goes_before_a_list_and_that_before_the_file() -> None:
    known, listed = ModelPrice(input=7), ModelPrice(input=8)
    name = "text-embedding-3-small"
    table = ProviderTable(prices={name: known}, region="eu", tenants=("acme",))
    model = describe("mine", OPENAI, "embedding", name, table, listed=listed)
    assert (model.price, model.region, model.tenants) == (known, "eu", ("acme",))
    assert describe("mine", OPENAI, "embedding", name, ProviderTable(), listed=listed).price == listed
    assert describe("mine", OPENAI, "embedding", name, ProviderTable()).cost == 0.02


def test_a_price_is_not_that_of_another_address() -> None:
    there = ProviderTable(base_url="https://proxy.example.com/v1")
    assert describe("mine", OPENAI, "llm", "gpt-4o-mini", there).price is None
    here = ProviderTable(base_url="http://127.0.0.1:1/v1")
    assert describe("mine", OPENAI, "llm", "gpt-4o-mini", here).cost == 0


def test_what_a_list_says_that_it_can_do() -> None:
    model = describe("ollama", KINDS["ollama"], "llm", "llava", ProviderTable(), features=("text", "images"))
    assert "image-text-to-text" in model.capabilities
    assert "tool-calling" not in model.capabilities


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_each_kind_has_a_schema_of_its_options(kind: object) -> None:
    work = kind.works[0]  # type: ignore[attr-defined]
    schema = describe("x", kind, work, "m", ProviderTable()).options_schema()  # type: ignore[arg-type]
    table = json.loads(json.dumps(schema))["$defs"]["Table"]["properties"]
    assert {"base_url", "api_key"} <= table.keys()
    assert table["api_key"]["anyOf"][0] == {"type": "string", "format": "password"}
