"""A name becomes a running model: found, supervised, behind a class."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from anyio import to_thread
from openings import Opening
from troupe.actors.contracts import Generate, TextDelta
from troupe.actors.errors import ProviderUnavailable, RateLimited
from troupe.runtime import open_system, supervisor
from troupe.runtime.inspect import inspect
from troupe.services.config import Config, ConfigError
from troupe.services.kinds import openrouter as openrouter_kind
from troupe.services.kinds import together as together_kind
from troupe.services.kinds.kind import ProviderTable
from troupe.services.kinds.openai import Table
from troupe.services.kinds.price import ModelPrice
from troupe.services.models import Embedder, LanguageModel, Model, TextToSpeech, open_model, open_models
from troupe.services.wire.openai import OpenAiWire
from troupe.services.wire.openrouter import OpenRouterWire
from troupe.services.wire.together import TogetherWire

pytestmark = pytest.mark.real_time

ADDRESS = "/v1/chat/completions"


async def test_one_model_by_its_name(wire: OpenAiWire, tmp_path: Path) -> None:
    file = tmp_path / "troupe.toml"
    text = f"[providers.mine]\nbase_url = '{wire.base_url}'\napi_key = 'env:MINE'\n"
    await to_thread.run_sync(file.write_text, text)
    async with open_model("mine/small", LanguageModel, config=file, environ={"MINE": "sk-1"}) as model:
        assert (await model.transform("One two.")).text == "You said: One two."
        assert repr(model) == "<LanguageModel 'mine/small'>"
    request = wire.last(ADDRESS)
    assert (request.json()["model"], request.headers["authorization"]) == ("small", "Bearer sk-1")


async def test_a_model_is_opened_once_and_each_model_of_a_provider_has_an_actor(opening: Opening) -> None:
    async with opening() as models:
        small, again = (
            await models.model("mine/small", LanguageModel),
            await models.model(["mine/small"], LanguageModel),
        )
        assert small is again
        large, voice = await models.model("mine/large", LanguageModel), await models.model("mine", TextToSpeech)
        paths = [model.ref.name for model in (small, large, voice)]
        assert paths == [f"models/providers/mine/{name}" for name in ("llm", "llm-2", "tts")]


async def test_the_next_one_of_a_chain_goes_on(wire: OpenAiWire, opening: Opening) -> None:
    async with opening() as models:
        chain = await models.model("gone/x, mine/small", LanguageModel)
        assert chain.name == "gone/x, mine/small"
        assert (await chain.transform("Hello.")).text == "You said: Hello."
        assert chain.ref.name == "models/llm"
        assert wire.last(ADDRESS).json()["model"] == "small"
        with pytest.raises(ProviderUnavailable):
            await (await models.model("gone/x", LanguageModel)).transform("Hello.")
        usage = await chain.usage()
        assert (usage.calls, usage.failures) == (3, 2)


async def test_below_a_system_that_is_there() -> None:
    async with open_system(supervisor("mine"), supervisor("yours")) as system:
        for _ in range(2):
            async with open_models(Config(), environ={}, system=system) as models:
                await models.model("demonstration")
                assert [ref.name for ref in system.find(Generate)] == ["models/providers/demonstration/llm"]
            assert system.find(Generate) == []
        assert [node.path for node in inspect(system).children] == ["mine", "yours"]


async def test_a_name_that_says_enough_needs_no_class() -> None:
    async with open_model("demonstration", environ={}, config=Config()) as model:
        assert type(model) is LanguageModel


async def test_what_is_not_known_can_be_read_by_anybody(opening: Opening) -> None:
    async with opening() as models:
        model: Model = await models.model("demonstration")
        async with model.stream("Hello!") as events:
            assert any(isinstance(event, TextDelta) for event in [event async for event in events])


async def test_how_much_a_provider_gets(wire: OpenAiWire) -> None:
    mine = Table(kind="openai", base_url=wire.base_url, per_minute=1)
    few = Table(kind="openai", base_url=wire.base_url, concurrency=3)
    async with open_models(Config(providers={"mine": mine, "few": few}), environ={}) as models:
        model = await models.model("mine/m", LanguageModel)
        assert (await model.transform("Hello.")).text == "You said: Hello."
        with pytest.raises(RateLimited):
            await model.transform("Hello.")
        embedder = await models.model("mine/e", Embedder)
        await embedder.transform("Hello.")
        with pytest.raises(RateLimited):
            await embedder.transform("Hello.")
        embedder = await models.model("few/e", Embedder)
        assert embedder.ref.cell.spec.max_concurrency == 3


async def test_a_wish(wire: OpenAiWire, opening: Opening) -> None:
    async with opening() as models:
        found = await models.find("any:text-generation")
        assert [model.name for model in found if not model.problem] == ["demonstration"]
        assert "openai/gpt-4o-mini" in {model.name for model in found}
        chain = await models.model(["mine/m", "any:text-generation"], LanguageModel)
        assert chain.name == "mine/m, demonstration"
        assert type(await models.model("any:text-generation")) is LanguageModel
        with pytest.raises(ConfigError, match="a wish begins with cheapest, fastest, any and a colon"):
            await models.find("openai")


@pytest.fixture(scope="module")
def openrouter() -> Iterator[OpenRouterWire]:
    with OpenRouterWire() as wire:
        yield wire


async def test_providers_are_asked_for_their_lists(wire: OpenAiWire, openrouter: OpenRouterWire) -> None:
    tables: dict[str, ProviderTable] = {
        "openrouter": openrouter_kind.Table(base_url=openrouter.base_url),
        "mine": Table(kind="openai", base_url=wire.base_url, models={"llm": ("gpt-4o-mini",)}),
        "gone": Table(kind="openai", base_url="http://127.0.0.1:9/v1"),
    }
    async with open_models(Config(providers=tables), environ={}) as models:
        named = [model.name for model in await models.find("any:text-generation") if not model.problem]
        found = [model for model in await models.find("cheapest:text-generation", ask=True) if not model.problem]
        assert named == ["mine/gpt-4o-mini", "demonstration"]
        assert {model.provider for model in found} == {"openrouter", "mine", "demonstration"}
        listed = [model for model in found if model.provider == "openrouter"]
        assert len(listed) > 1
        assert all(model.price and model.price.source == "the list of openrouter" for model in listed)
        assert (await (await models.model(listed[0].name, LanguageModel)).transform("Hi.")).text == "You said: Hi."


@pytest.fixture(scope="module")
def together() -> Iterator[TogetherWire]:
    with TogetherWire() as wire:
        yield wire


async def test_what_a_configuration_says_goes_before_todays_price(together: TogetherWire) -> None:
    async def price(**prices: ModelPrice) -> ModelPrice | None:
        tables: dict[str, ProviderTable] = {
            "together": together_kind.Table(base_url=together.base_url, models={"llm": ("gpt-4o-mini",)}, prices=prices)
        }
        async with open_models(Config(providers=tables), environ={}) as models:
            found = await models.find("any:text-generation", ask=True)
        return next(each.price for each in found if each.name == "together/gpt-4o-mini")

    listed = ModelPrice(input=0.88, output=0.88, source="the list of together", status="provider")
    assert await price() == listed
    own = ModelPrice(input=0.5, output=0.5)
    assert await price(**{"gpt-4o-mini": own}) == own


@pytest.mark.parametrize(
    ("name", "kind", "told"),
    [
        ("opnai", LanguageModel, "opnai: there is no provider opnai; did you mean openai?"),
        ("opnai/gpt", Model, "opnai/gpt: there is no provider opnai; did you mean openai?"),
        ("espeak", LanguageModel, "espeak: espeak has no language model"),
        ("mine", Model, "mine: it may be meant for speech to text, language model, text to speech, embeddings, pictu"),
        ("", Model, "without a name nobody knows what the model is to do"),
        ("openai", LanguageModel, "nobody is there for language model:\n  openai: no key: set OPENAI_API_KEY"),
        ("mine/a, mine/b", Embedder, "mine/a and mine/b are different models, whose vectors have nothing in common"),
        ("openai, mine/b", Embedder, "openai/text-embedding-3-small and mine/b are different models"),
    ],
)
async def test_mistakes_say_what_to_write(opening: Opening, name: str, kind: type[Model], told: str) -> None:
    async with opening() as models:
        with pytest.raises(ConfigError) as caught:
            await models.model(name, kind)
        assert str(caught.value).startswith(told)


async def test_errors_come_out_of_the_block_as_they_are(opening: Opening) -> None:
    with pytest.raises(KeyError, match="mine"):
        async with opening() as models:
            await models.model("demonstration")
            raise KeyError("mine")
