"""Texts become vectors."""

import numpy as np
import pytest
from openings import Opening
from troupe.services.models import Embedder
from troupe.services.wire.openai import OpenAiWire

pytestmark = pytest.mark.real_time


async def test_one_several_and_many(wire: OpenAiWire, opening: Opening) -> None:
    async with opening() as models:
        model = await models.model("mine", Embedder)
        one = await model.transform("a cat", dimensions=8)
        several = await model.transform(["a cat", "a dog"], dimensions=8)
        assert (one.shape, several.shape, one.dtype) == ((8,), (2, 8), np.float32)
        np.testing.assert_array_equal(one, several[0])
        assert (await model.transform([], dimensions=8)).shape == (0, 8)
        asked = len(wire.exchanges)
        async with model.stream((f"text {number}" for number in range(130)), dimensions=8) as vectors:
            many = [vector async for vector in vectors]
        assert len(wire.exchanges) - asked == 3
        np.testing.assert_array_equal(many[129], await model.transform("text 129", dimensions=8))


async def test_one_model_at_several_providers(wire: OpenAiWire, opening: Opening) -> None:
    async with opening() as models:
        alone = await models.model("mine/small", Embedder)
        chain = await models.model("gone/small, mine/small, any:text-embedding", Embedder)
        assert chain.name == "gone/small, mine/small"  # those who have other models are not what is wished for here
        np.testing.assert_array_equal(await chain.transform("a cat"), await alone.transform("a cat"))
        assert wire.last("/v1/embeddings").json()["model"] == "small"
