"""``POST /images/generations``: a description out, pictures in, at once or in events with previews before them."""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from .....codecs.errors import CodecError
from .....codecs.formats import recognise
from ....contracts import MadeImage, MakeImage, Usage
from ....decoding import decoded
from ....errors import BrokenStream, InvalidRequest
from ....http_errors import complained
from ....options import Options
from .tokens import TokenUsage, tokens

MOST: Final = 10
"""Pictures of one request."""
LARGEST_ANSWER: Final = 128 * 2**20
"""Bytes: ten pictures of some megabytes, in base64."""


class PictureOptions(Options, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of the options of pictures, which differ between the servers that speak the API."""

    def body(self, request: MakeImage, model: str) -> dict[str, Any]:
        """Return a request's body."""
        raise NotImplementedError


class ImageOptions(PictureOptions, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """How to make pictures, where a request does not say otherwise; what is left alone is not sent."""

    quality: Literal["auto", "low", "medium", "high", "xhigh", "max"] | None = None
    background: Literal["auto", "transparent", "opaque"] | None = None
    output_format: Literal["png", "webp", "jpeg"] | None = None
    output_compression: Annotated[int, Meta(ge=0, le=100)] | None = None
    """Percent, for WebP and JPEG."""
    moderation: Literal["auto", "low"] | None = None
    partial_images: Annotated[int, Meta(ge=0, le=3)] = 0
    """Previews that come before a picture."""

    def body(self, request: MakeImage, model: str) -> dict[str, Any]:
        """See `PictureOptions.body`."""
        body: dict[str, Any] = {"model": model, "prompt": request.prompt, "n": request.count} | self.members()
        if request.size is not None:
            width, height = request.size
            body["size"] = f"{width}x{height}"
        if self.partial_images:
            body["stream"] = True
        return body


def encode_images(request: MakeImage, model: str, options: PictureOptions, provider: str) -> bytes:
    """Return the body of ``POST /images/generations``.

    Raises:
        InvalidRequest: There is no description, or the number or size of pictures is none.
    """
    if not request.prompt.strip():
        raise InvalidRequest(provider, "there is no prompt")
    if not 1 <= request.count <= MOST:
        raise InvalidRequest(provider, f"count is {request.count}; it has to be between 1 and {MOST}")
    if request.size is not None and min(request.size) < 1:
        raise InvalidRequest(provider, "size is width and height in pixels")
    return msgspec.json.encode(options.body(request, model))


class _Image(Struct):
    b64_json: bytes | None = None


class Images(Struct):
    """An answer that comes as a whole."""

    data: list[_Image] | None = None
    usage: TokenUsage | None = None
    error: Any = None

    def made(self, provider: str) -> list[MadeImage]:
        """Return the pictures.

        Raises:
            BrokenStream: One is not there, or is none.
        """
        return [_made(image.b64_json, provider, index=index) for index, image in enumerate(self.data or ())]

    @property
    def used(self) -> Usage:
        """What it says was used."""
        return tokens(self.usage)


class ImageEvent(Struct):
    """One event; kinds that are not known have no picture."""

    type: str = ""
    b64_json: bytes | None = None
    """In JSON it is base64."""
    usage: TokenUsage | None = None
    error: Any = None

    def made(self, provider: str) -> MadeImage | None:
        """Return the picture or preview that it brings, if it brings one.

        Raises:
            BrokenStream: It should, and does not.
        """
        if self.type not in {"image_generation.partial_image", "image_generation.completed"}:
            return None
        return _made(self.b64_json, provider, final=self.type == "image_generation.completed")

    @property
    def used(self) -> Usage:
        """What it says was used."""
        return tokens(self.usage)


def _made(data: bytes | None, provider: str, *, index: int = 0, final: bool = True) -> MadeImage:
    try:
        media_type = recognise(data or b"").types.get("image")
    except CodecError:
        media_type = None
    if not data or media_type is None:
        raise BrokenStream(provider, "there is no picture in the answer")
    return MadeImage(data=data, media_type=media_type, index=index, final=final)


_decode_images: Final = msgspec.json.Decoder(Images).decode
_decode_event: Final = msgspec.json.Decoder(ImageEvent).decode


def decode_images(body: bytes, provider: str) -> Images:
    """Decode an answer that comes as a whole.

    Raises:
        ProviderError: It is an error.
        BrokenStream: It makes no sense.
    """
    images = decoded(_decode_images, body, provider)
    if images.error:
        raise complained(provider, images.error)
    return images


def decode_image_event(data: bytes, provider: str) -> ImageEvent:
    """Decode the data of an event.

    Raises:
        ProviderError: It is an error.
        BrokenStream: It makes no sense.
    """
    event = decoded(_decode_event, data, provider)
    if event.error:
        raise complained(provider, event.error)
    return event
