"""``POST /api/embed``: texts out, vectors in."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from ....contracts import Embed
from ....decoding import decoded
from .options import OllamaOptions


class Embedded(Struct):
    """An answer."""

    embeddings: list[list[float]]
    """Of length 1 each."""
    prompt_eval_count: int = 0


_decode: Final = msgspec.json.Decoder(Embedded).decode


def encode_embed(request: Embed, model: str, options: OllamaOptions) -> bytes:
    """Return the body of ``POST /api/embed``."""
    body: dict[str, Any] = {"model": model, "input": request.texts}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    kept = options.body()
    return msgspec.json.encode(body | {name: kept[name] for name in ("keep_alive", "truncate") if name in kept})


def decode_embedded(body: bytes, provider: str) -> Embedded:
    """Decode the answer.

    Raises:
        BrokenStream: It makes no sense.
    """
    return decoded(_decode, body, provider)
