"""Pictures, as an actor."""

from typing import ClassVar, Final

from msgspec.structs import replace

from ....runtime import Sender
from ...contracts import MadeImage, MakeImage, Usage
from ...errors import BrokenStream
from ...http import Deadlines, HttpAnswer, HttpClient
from ...provider import DescribingActor
from .api import OpenAiApi
from .endpoint import Endpoint
from .wire.images import LARGEST_ANSWER, ImageOptions, PictureOptions, decode_image_event, decode_images, encode_images

PATIENCE: Final = Deadlines(first=180, between=120, total=300)
"""Where nobody said otherwise: a picture takes from ten seconds to two minutes."""


class OpenAiImages(DescribingActor[OpenAiApi]):
    """Makes pictures.

    Args:
        http: The pool of connections.
        endpoint: Where the API is. Deadlines that are as they are by default, which is too soon, are replaced.
        model: For requests that name none.
        options: How to make them, where a request does not say otherwise.
    """

    max_concurrency: ClassVar[int] = 16

    def __init__(self, http: HttpClient, endpoint: Endpoint, model: str, options: PictureOptions | None = None) -> None:
        patient = replace(endpoint, deadlines=PATIENCE) if endpoint.deadlines == Deadlines() else endpoint
        super().__init__(OpenAiApi(http, patient))
        self._model = model
        self._options = options or ImageOptions()

    async def make(self, request: MakeImage, replies: Sender[MadeImage]) -> None:
        """Send the pictures, and previews where they are asked for. Cancelling closes the request.

        What may have been begun is not asked for again: a picture costs money.
        """
        model = request.model or self._model
        body, api = encode_images(request, model, self._options, self._api.provider), self._api.of(model)
        with api.meter.call():
            async with api.post("/images/generations", body, cautious=True) as answer:
                if answer.content_type == "text/event-stream":
                    await self._read_events(api, answer, request.count, replies)
                else:
                    await self._read_whole(api, answer, request.count, replies)

    async def _read_whole(self, api: OpenAiApi, answer: HttpAnswer, count: int, replies: Sender[MadeImage]) -> None:
        provider = api.provider
        await api.check_type(answer, "application/json")
        images = decode_images(await answer.read(LARGEST_ANSWER), provider)
        api.meter.add(images.used)
        made = images.made(provider)
        if len(made) != count:
            raise BrokenStream(provider, f"there are {len(made)} pictures in the answer, not {count}")
        for image in made:
            api.meter.add(Usage(images=1))
            await replies.send(image)

    async def _read_events(self, api: OpenAiApi, answer: HttpAnswer, count: int, replies: Sender[MadeImage]) -> None:
        provider, done = api.provider, 0
        async for data in answer.event_data():
            event = decode_image_event(data, provider)
            image = event.made(provider)
            if image is None:
                continue
            await replies.send(replace(image, index=done))
            if image.final:
                done += 1
                api.meter.add(event.used)
                api.meter.add(Usage(images=1))
                if done == count:
                    await answer.drain()
                    return
        raise BrokenStream(provider, f"the stream ended after {done} of {count} pictures")
