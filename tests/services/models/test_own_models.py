"""Models of one's own, by configuration: a function, an ONNX file."""

from pathlib import Path

import numpy as np
import pytest
from tiny_embedder import write_bert
from troupe.actors.contracts import GetAccounts
from troupe.actors.errors import InvalidRequest
from troupe.services.config import Config, ConfigError
from troupe.services.kinds import function, onnx
from troupe.services.models import Embedder, LanguageModel, SpeechToText, TextToSpeech, open_models

pytestmark = pytest.mark.real_time


def functions(**names: str) -> Config:
    tables = {key: function.Table(kind="function", function=f"own_functions:{name}") for key, name in names.items()}
    return Config(providers=tables)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "model.onnx"
    write_bert(file, types=True)
    return file


async def test_functions() -> None:
    config = functions(loud="shout", ear="loudness", mouth="beep", vectors="lengths")
    async with open_models(config, environ={}) as models:
        loud = await models.model("loud", LanguageModel)
        assert (await loud.transform("hello")).text == "HELLO"
        mouth = await models.model("mouth", TextToSpeech)
        spoken = await mouth.transform("One two three. And four.")
        assert (spoken.audio.frames, spoken.audio.rate) == (500, 24_000)
        heard = await (await models.model("ear", SpeechToText)).transform(spoken)
        assert heard.text.startswith(f"{500 * 2 // 3 + 1} samples up to 0.")
        vectors = await (await models.model("vectors", Embedder)).transform(["a b", "abc"])
        assert vectors.tolist() == [[3, 1], [3, 0]]
        assert (await loud.usage()).calls == 1
        used = await mouth.usage()
        assert (used.characters, used.seconds) == (len("One two three.And four."), pytest.approx(500 / 24_000))
        (account,) = await mouth.ref.ask(GetAccounts())
        assert (account.model, account.connects.count, account.retries) == ("function", 0, {})


async def test_functions_in_a_chain_and_what_is_not_said() -> None:
    async with open_models(functions(broken="fails", loud="shout"), environ={}) as models:
        chain = await models.model("broken, loud", LanguageModel)
        assert (await chain.transform("hello")).text == "HELLO"
        with pytest.raises(
            ConfigError, match="broken and loud are different models, whose vectors have nothing in common"
        ):
            await models.model("broken, loud", Embedder)
        with pytest.raises(ConfigError, match=r"\[providers.function\]: function says which"):
            await models.model("function", LanguageModel)
        assert not [found.name for found in await models.find("any:text-generation") if found.kind.named_only]


async def test_an_onnx_file(file: Path) -> None:
    config = Config(providers={"mine": onnx.Table(kind="onnx", file=str(file))})
    async with open_models(config, environ={}) as models:
        model = await models.model("mine")
        assert isinstance(model, Embedder)
        cat, dog, cats = await model.transform(["cat", "dog", "CAT"])
        np.testing.assert_array_equal(cat, cats)
        assert cat @ cats > cat @ dog
        with pytest.raises(InvalidRequest, match="the model has 8 dimensions, and no others"):
            await model.transform("cat", dimensions=4)
