"""Descriptions become pictures."""

import pytest
from openings import Opening
from troupe.services.models import TextToImage
from troupe.services.wire.openai import OpenAiWire

pytestmark = pytest.mark.real_time


async def test_one_and_several(wire: OpenAiWire, opening: Opening) -> None:
    async with opening() as models:
        model = await models.model("mine", TextToImage)
        image = (await model.transform("a red door", size=(32, 16))).as_image()
        assert (image.width, image.height) == (32, 16)
        async with model.stream("a red door", count=2, size=(16, 16)) as pictures:
            assert [picture.index async for picture in pictures if picture.final] == [0, 1]
