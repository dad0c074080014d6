"""Embeddings over real sockets."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import numpy as np
import pytest
from troupe.actors.contracts import Embed, GetModel, GetUsage, ListModels, Usage
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    InvalidRequest,
    ProviderError,
    ProviderUnavailable,
    RequestTooLong,
)
from troupe.actors.http import Deadlines, HttpClient
from troupe.actors.providers.openai.embeddings import OpenAiEmbeddings
from troupe.actors.providers.openai.endpoint import endpoint
from troupe.runtime import Ref, child, open_system
from troupe.services.wire import Cut, Drip, Fault, Refuse, Replace
from troupe.services.wire.openai import OpenAiWire

pytestmark = pytest.mark.real_time
EMBEDDINGS = "/v1/embeddings"


@asynccontextmanager
async def embedder(wire: OpenAiWire) -> AsyncGenerator[Ref]:
    at = endpoint("openai", base_url=wire.base_url, deadlines=Deadlines(first=5))
    async with HttpClient.open() as http, open_system(child(OpenAiEmbeddings, http, at, "e", name="e")) as system:
        yield system.ref("e")


async def test_texts_become_vectors_in_their_order(wire: OpenAiWire) -> None:
    async with embedder(wire) as ref:
        got = await ref.ask(Embed(texts=("one two", "three")))
        vectors = np.frombuffer(got.vectors, "<f4").reshape(-1, got.dimensions)
        assert vectors.shape == (2, 1536)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1])
        wire.fail(EMBEDDINGS, Drip(50))
        three = await ref.ask(Embed(texts=("three",), model="f"))
        assert three.vectors == vectors[1].tobytes()
        assert (await ref.ask(Embed(texts=("three",), dimensions=64))).dimensions == 64
        assert await ref.ask(GetUsage()) == Usage(calls=3, input_tokens=5)
        model, *_ = await ref.ask(ListModels())
        assert await ref.ask(GetModel(model.id)) == model


FAILURES: list[tuple[Fault, type[ProviderError]]] = [
    (Refuse(401), AuthenticationFailed),
    (Refuse(400), InvalidRequest),
    (Refuse(503, retry_after=9), ProviderUnavailable),
    (Cut(100), BrokenStream),
    (Replace(b"<html>"), BrokenStream),
    (Replace(b'{"data":[]}'), BrokenStream),
    (Replace(b'{"data":[{"embedding":"AAA=","index":0},{"embedding":"AAAA","index":1}]}'), BrokenStream),
    (Replace(b'{"data":[{"embedding":"%","index":0},{"embedding":"%","index":1}]}'), BrokenStream),
    (Replace(b'{"error":{"message":"x","type":"server_error"}}'), ProviderUnavailable),
]


async def test_failures(wire: OpenAiWire) -> None:
    async with embedder(wire) as ref:
        for fault, kind in FAILURES:
            wire.fail(EMBEDDINGS, fault)
            with pytest.raises(ProviderError) as caught:
                await ref.ask(Embed(texts=("one", "two")))
            assert type(caught.value) is kind, fault
        numbers = b'{"data":[{"embedding":[3,4],"index":1},{"embedding":[1,2],"index":0}]}'
        wire.fail(EMBEDDINGS, Replace(numbers))  # from a server that has no base64, and its own order
        got = await ref.ask(Embed(texts=("one", "two")))
        assert np.frombuffer(got.vectors, "<f4").tolist() == [1, 2, 3, 4]
        before = len(wire.exchanges)
        with pytest.raises(RequestTooLong, match="2049 texts"):
            await ref.ask(Embed(texts=("a",) * 2049))
    assert len(wire.exchanges) == before
