"""``POST /embeddings``: texts out, vectors in, as base64 of their numbers: a quarter of the bytes, and no parsing."""

import base64
import binascii
from typing import Any, Final

import msgspec
from msgspec import Struct

from ....contracts import Embed, Embeddings, Usage
from ....decoding import decoded
from ....errors import BrokenStream, RequestTooLong
from ....http_errors import complained
from ....vectors import joined, packed

MOST_TEXTS: Final = 2048
"""Texts that the API takes at once."""


def encode_embeddings(request: Embed, model: str, provider: str) -> bytes:
    """Return the body of ``POST /embeddings``.

    Raises:
        RequestTooLong: There are more texts than the API takes.
    """
    if len(request.texts) > MOST_TEXTS:
        raise RequestTooLong(provider, f"{len(request.texts)} texts are more than {MOST_TEXTS}")
    body: dict[str, Any] = {"model": model, "input": request.texts, "encoding_format": "base64"}
    if request.dimensions is not None:
        body["dimensions"] = request.dimensions
    return msgspec.json.encode(body)


class _Embedding(Struct):
    embedding: str | list[float]
    index: int = 0


class _Usage(Struct):
    prompt_tokens: int | None = None


class Embedded(Struct):
    """An answer."""

    data: list[_Embedding] = []
    usage: _Usage | None = None
    error: Any = None

    @property
    def used(self) -> Usage:
        """What it says was used."""
        return Usage(input_tokens=(self.usage.prompt_tokens if self.usage else None) or 0)

    def vectors(self, texts: int, provider: str) -> Embeddings:
        """Return the vectors in the order of the texts; some servers send numbers though asked for base64.

        Raises:
            BrokenStream: There is not one for each text, or they make no sense.
        """
        ordered = sorted(self.data, key=lambda embedding: embedding.index)
        return joined([_bytes(embedding.embedding, provider) for embedding in ordered], texts, provider)


def _bytes(embedding: str | list[float], provider: str) -> bytes:
    if isinstance(embedding, list):
        return packed(embedding)
    try:
        return base64.b64decode(embedding, validate=True)
    except binascii.Error:
        raise BrokenStream(provider, "the answer makes no sense") from None


_decode: Final = msgspec.json.Decoder(Embedded).decode


def decode_embeddings(body: bytes, provider: str) -> Embedded:
    """Decode the answer.

    Raises:
        ProviderError: It is an error.
        BrokenStream: It makes no sense.
    """
    answer = decoded(_decode, body, provider)
    if answer.error:
        raise complained(provider, answer.error)
    return answer
