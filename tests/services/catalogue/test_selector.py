"""Wishes instead of names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.services.catalogue import ModelDescriptor, ModelPrice, Selector, describe
from troupe.services.config import ConfigError
from troupe.services.kinds.kind import ProviderTable
from troupe.services.kinds.registry import KINDS


def a_model(
    name: str,
    price: float | None,
    *,
    kind: str = "openai",
    url: str = "https://a.example/v1",
    region: str = "",
    tenants: tuple[str, ...] = (),
) -> ModelDescriptor:
    prices = {} if price is None else {name: ModelPrice(input=price, output=price)}
    table = ProviderTable(base_url=url, prices=prices, region=region, tenants=tenants)
    return describe(kind, KINDS[kind], "llm", name, table)


def chosen(wish: str, *models: ModelDescriptor) -> list[str]:
    selector = Selector.parse(wish)
    assert selector is not None
    return [model.model for model in selector.choose(models)]


MODELS = (
    a_model("dear", 9, region="eu"),
    a_model("unknown", None, region="us"),
    a_model("cheap", 1, url="http://10.0.0.1/v1"),
    a_model("theirs", 0.5, tenants=("acme", "initech")),
    a_model("here", 2, url="http://127.0.0.1/v1", region="eu"),
    a_model("embedded", 0, kind="demonstration", url=""),
)


@pytest.mark.parametrize(
    ("wish", "names"),
    [
        ("cheapest:text-generation", "cheap here dear unknown embedded"),
        ("any:text-generation", "dear unknown cheap here embedded"),
        ("fastest:text-generation", "dear unknown cheap here embedded"),
        ("cheapest:text-generation?tenant=acme", "theirs cheap here dear unknown embedded"),
        ("cheapest:text-generation?tenant=umbrella", "cheap here dear unknown embedded"),
        ("cheapest:text-generation?region=eu", "here dear"),
        ("cheapest:text-generation?locality=network", "cheap"),
        ("cheapest:text-generation?locality=local", "here embedded"),
        ("any:text-generation?most=2", "cheap here embedded"),
        ("cheapest:text-generation?region=eu&most=2", "here"),
        ("any:image-text-to-text", "dear unknown cheap here"),
        ("any:text-embedding", ""),
    ],
)
def test_who_is_chosen(wish: str, names: str) -> None:
    assert chosen(wish, *MODELS) == names.split()


@pytest.mark.parametrize("name", ["openai", "ollama/llama3.2:3b", "openrouter/meta/llama:free", "espeak"])
def test_a_name_is_no_wish(name: str) -> None:
    assert Selector.parse(name) is None


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ("cheapest:text-generatio", "there is no capability text-generatio; did you mean text-generation?"),
        ("any:text-to-video", "nobody here can do text-to-video yet"),
        ("any:text-generation?regoin=eu", "there is no condition regoin; did you mean region?"),
        ("any:text-generation?locality=mars", "there is no locality mars; there are cloud, local, network."),
        ("any:text-generation?most=little", "most is a number of dollars, unlike little"),
    ],
)
def test_mistakes(wish: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Selector.parse(wish)
    assert str(caught.value) == f"{wish}: {told}"


@given(st.lists(st.one_of(st.none(), st.floats(0, 100)), max_size=8))
def test_the_cheapest_comes_first_and_nobody_gets_lost(costs: list[float | None]) -> None:
    models = [a_model(str(number), price) for number, price in enumerate(costs)]
    names = chosen("cheapest:text-generation", *models)
    assert sorted(names) == sorted(model.model for model in models)
    known = [costs[int(name)] for name in names if costs[int(name)] is not None]
    assert known == sorted(known)  # type: ignore[type-var]
    assert all(costs[int(name)] is None for name in names[len(known) :])
