"""What is put into a model, read where that may wait: in a thread."""

from base64 import b64encode

from anyio import CapacityLimiter, to_thread

from ...actors.contracts import ImagePart
from ...codecs.asset import Asset, load
from ...codecs.source import Loadable

Picture = Asset | Loadable
"""An asset, a path, bytes or a file; or a text that begins with ``https://``, which the provider fetches."""


async def text_of(what: str | Asset) -> str:
    """Return a text, or what an asset plays as one.

    Raises:
        RoleError: It is no text.
        OSError: It can't be read.
    """
    return what if isinstance(what, str) else await to_thread.run_sync(what.as_text, limiter=CapacityLimiter(1))


async def image_part(picture: Picture) -> ImagePart:
    """Return a picture as a part of a request.

    Raises:
        RoleError: It is no picture.
        CodecError: It is damaged, or larger than limits allow.
        OSError: It can't be read.
    """
    if isinstance(picture, str) and picture.startswith(("https://", "http://", "data:")):
        return ImagePart(picture)
    return await to_thread.run_sync(_inline, picture, limiter=CapacityLimiter(1))


def _inline(picture: Asset | Loadable) -> ImagePart:
    asset = picture if isinstance(picture, Asset) else load(picture)
    asset.as_image()
    return ImagePart(f"data:{asset.mime_type};base64,{b64encode(asset.read()).decode()}")
