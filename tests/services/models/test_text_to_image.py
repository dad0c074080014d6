"""Descriptions become pictures."""

import pytest
from openings import Opening
from troupe.actors.errors import BrokenStream, ContentRefused
from troupe.services.models import TextToImage
from troupe.services.wire import Refuse, Reset
from troupe.services.wire.openai import OpenAiWire

pytestmark = pytest.mark.real_time


async def test_one_and_several(wire: OpenAiWire, opening: Opening) -> None:
    async with opening() as models:
        model = await models.model("mine", TextToImage)
        image = (await model.transform("a red door", size=(32, 16))).as_image()
        assert (image.width, image.height) == (32, 16)
        async with model.stream("a red door", count=2, size=(16, 16)) as pictures:
            assert [picture.index async for picture in pictures if picture.final] == [0, 1]


async def test_the_next_one_of_a_chain_is_asked_if_nobody_has_begun(wire: OpenAiWire, opening: Opening) -> None:
    images = "/v1/images/generations"
    async with opening() as models:
        chain = await models.model("gone/x, mine/y, mine/z", TextToImage)
        assert (await chain.transform("a red door", size=(32, 16))).as_image().width == 32
        assert wire.last(images).json()["model"] == "y"
        asked = len(wire.exchanges)
        wire.fail(images, Refuse(400, "content_policy_violation"))
        with pytest.raises(ContentRefused):
            await chain.transform("a red door", size=(32, 16))
        wire.fail(images, Reset(at=0))
        with pytest.raises(BrokenStream):  # it may be charged for
            await chain.transform("a red door", size=(32, 16))
        assert len(wire.exchanges) - asked == 2
