"""Pictures over real sockets, from OpenAI and from Together."""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec import json
from openai_provider import outcome
from troupe.actors.contracts import GetModel, GetUsage, ListModels, MadeImage, MakeImage, Usage
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    ContentRefused,
    InvalidRequest,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
)
from troupe.actors.http import Deadlines, HttpClient
from troupe.actors.providers.openai.endpoint import endpoint
from troupe.actors.providers.openai.images import OpenAiImages
from troupe.actors.providers.openai.wire.images import ImageOptions, PictureOptions, encode_images
from troupe.actors.providers.together import TogetherImageOptions
from troupe.codecs.asset import load
from troupe.runtime import Ref, child, open_system
from troupe.services.wire import Cut, End, Fault, Insert, Refuse, Replace, Stall
from troupe.services.wire.openai import OpenAiWire
from troupe.services.wire.together import TogetherWire

IMAGES = "/v1/images/generations"
CAT = MakeImage(prompt="a cat", size=(64, 32))
PREVIEWS = ImageOptions(partial_images=2)


@pytest.fixture(scope="module")
def together() -> Iterator[TogetherWire]:
    with TogetherWire() as wire:
        yield wire


@asynccontextmanager
async def painter(wire: OpenAiWire, options: PictureOptions | None = None) -> AsyncGenerator[Ref]:
    at = endpoint("openai", base_url=wire.base_url, deadlines=Deadlines(first=5, between=0.2))
    async with HttpClient.open() as http, open_system(child(OpenAiImages, http, at, "i", options, name="i")) as system:
        yield system.ref("i")


async def made(ref: Ref, request: MakeImage = CAT) -> list[MadeImage]:
    async with ref.stream(request) as images:
        return [image async for image in images]


def size_of(image: MadeImage) -> tuple[int, int]:
    picture = load(image.data).as_image()
    return picture.width, picture.height


class TestRequests:
    def test_what_is_asked_for(self) -> None:
        options = ImageOptions(quality="low", output_format="webp", output_compression=80)
        assert json.decode(encode_images(CAT, "i", options, "openai")) == {
            "model": "i",
            "prompt": "a cat",
            "n": 1,
            "quality": "low",
            "output_format": "webp",
            "output_compression": 80,
            "size": "64x32",
        }
        assert json.decode(encode_images(CAT, "i", TogetherImageOptions(steps=4), "together")) == {
            "model": "i",
            "prompt": "a cat",
            "n": 1,
            "width": 64,
            "height": 32,
            "response_format": "base64",
            "steps": 4,
        }

    @pytest.mark.parametrize(
        ("request_", "text"),
        [
            (MakeImage(prompt=" "), "no prompt"),
            (MakeImage(prompt="a", count=0), "count is 0; it has to be between 1 and 10"),
            (MakeImage(prompt="a", size=(0, 64)), "size is width and height"),
        ],
    )
    def test_what_makes_no_sense(self, request_: MakeImage, text: str) -> None:
        with pytest.raises(InvalidRequest, match=text):
            encode_images(request_, "i", ImageOptions(), "openai")

    @pytest.mark.parametrize("wrong", [{"output_compression": 101}, {"partial_images": 4}, {"quality": "best"}])
    def test_options_have_ranges(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            ImageOptions(**wrong)


@pytest.mark.real_time
async def test_pictures(wire: OpenAiWire, together: TogetherWire) -> None:
    async with painter(wire) as ref:
        two = await made(ref, MakeImage(prompt="a cat", size=(64, 32), count=2))
        assert [(image.index, image.media_type, size_of(image)) for image in two] == [
            (0, "image/png", (64, 32)),
            (1, "image/png", (64, 32)),
        ]
        assert await ref.ask(GetUsage()) == Usage(calls=1, images=2, input_tokens=2, output_tokens=200)
        model, *_ = await ref.ask(ListModels())
        assert await ref.ask(GetModel(model.id)) == model
    async with painter(wire, PREVIEWS) as ref:
        images = await made(ref)
        assert [image.final for image in images] == [False, False, True]
        assert size_of(images[-1]) == (64, 32)
    async with painter(together, TogetherImageOptions(output_format="jpeg")) as ref:
        (image,) = await made(ref)
        assert (image.media_type, size_of(image)) == ("image/jpeg", (64, 32))


ERROR = b'{"error":{"message":"private","type":"image_generation_user_error","code":"content_policy_violation"}}'
FAILURES: list[tuple[PictureOptions | None, Fault, type[ProviderError]]] = [
    (None, Refuse(401), AuthenticationFailed),
    (None, Refuse(400), InvalidRequest),
    (None, Refuse(503, retry_after=9), ProviderUnavailable),
    (None, Cut(100), BrokenStream),
    (None, Replace(b"<html>", "text/html"), BrokenStream),
    (None, Replace(ERROR), ContentRefused),
    (None, Replace(b'{"data":[]}'), BrokenStream),
    (None, Replace(b'{"data":[{"url":"https://example.org/a.png"}]}'), BrokenStream),
    (None, Replace(b'{"data":[{"b64_json":"AAAA"}]}'), BrokenStream),
    (PREVIEWS, Stall(1), ProviderTimeout),
    (PREVIEWS, End(400), BrokenStream),
    (PREVIEWS, Insert(1, b"data: %b\n\n" % ERROR), ContentRefused),
    (PREVIEWS, Insert(1, b"data: {\n\n"), BrokenStream),
]


@pytest.mark.real_time
async def test_failures(wire: OpenAiWire) -> None:
    async with painter(wire) as whole, painter(wire, PREVIEWS) as streamed:
        for options, fault, kind in FAILURES:
            wire.fail(IMAGES, fault)
            with pytest.raises(ProviderError) as caught:
                await made(streamed if options else whole)
            assert type(caught.value) is kind, fault
            assert "private" not in f"{caught.value} {caught.value.details}"
        wire.fail(IMAGES, Insert(1, b'data: {"type":"image_generation.news"}\n\n'))
        assert len(await made(streamed)) == 3
        wire.fail(IMAGES, Stall(2))
        async with streamed.stream(CAT) as images:
            await images.receive()
        assert await outcome(wire.last(IMAGES)) == "left"


@pytest.mark.real_time
@pytest.mark.parametrize(("status", "sent"), [(503, 2), (500, 1), (504, 1)])
async def test_what_may_have_been_begun_is_not_ordered_twice(wire: OpenAiWire, status: int, sent: int) -> None:
    before = len(wire.exchanges)
    wire.fail(IMAGES, Refuse(status))
    async with painter(wire) as ref:
        if sent > 1:
            assert len(await made(ref)) == 1
        else:
            with pytest.raises(ProviderUnavailable):
                await made(ref)
    assert len(wire.exchanges) - before == sent
