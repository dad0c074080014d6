"""What the type checkers infer for `ThreadWorker`; never run."""

from collections.abc import AsyncIterator, Iterator
from typing import assert_type

from troupe.runtime.thread import ThreadWorker


class Model:
    """Stands for an object that wants its own thread."""

    def embed(self, text: str, scale: float) -> list[float]:
        return [scale] * len(text)

    def tokens(self, text: str) -> Iterator[bytes]:
        yield text.encode()


def close(model: Model) -> None: ...


async def infers() -> None:
    async with ThreadWorker.open(Model, close=close, name="model") as worker:
        assert_type(worker, ThreadWorker[Model])
        assert_type(await worker.call(Model.embed, "text", 1.0), list[float])
        assert_type(await worker.call(lambda model: model.embed("text", 1.0), timeout=1), list[float])
        async with worker.stream(Model.tokens, "text", buffer=2) as tokens:
            assert_type(tokens, AsyncIterator[bytes])


async def rejects(worker: ThreadWorker[Model]) -> None:
    await worker.call(Model.embed, "text")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    await worker.call(str.upper)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
    async with worker.stream(Model.embed, 3, 1.0):  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        pass
