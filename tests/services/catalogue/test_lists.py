"""What providers' own lists add."""

from troupe.actors.contracts import Model, Price
from troupe.services.catalogue import describe
from troupe.services.catalogue.lists import ProviderList, with_lists
from troupe.services.kinds.kind import ProviderTable
from troupe.services.kinds.registry import KINDS

OPENAI, TABLE = KINDS["openai"], ProviderTable(region="eu")
KNOWN = [describe("openai", OPENAI, "llm", "small", TABLE), describe("openai", OPENAI, "tts", "voice", TABLE)]


def test_lists_say_more_of_what_is_known_and_add_what_is_not() -> None:
    models = (
        Model("small", price=Price(input=1, output=5)),
        Model("seeing", price=Price(input=2, output=2), features=("text", "images", "embeddings")),
        Model("mystery"),
        Model("voice", features=("speech",)),
    )
    found = with_lists(KNOWN, [ProviderList("openai", OPENAI, TABLE, models)])
    assert [(model.model, model.work, model.cost) for model in found] == [
        ("small", "llm", 2),
        ("voice", "tts", None),
        ("seeing", "llm", 2),
        ("seeing", "embedding", 2),
    ]
    assert {model.region for model in found} == {"eu"}
    assert "image-text-to-text" in found[2].capabilities
    assert found[2].price is not None
    assert found[2].price.source == "the list of openai"


def test_without_lists_nothing_changes() -> None:
    assert with_lists(KNOWN, []) == KNOWN
