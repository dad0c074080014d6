"""``POST /v1/embeddings``: vectors that depend on their text only."""

import base64
from typing import Any, Final

from msgspec import Struct

from ..answers import Answer, json_answer
from ..embedding import embedding, numbers
from ..replies import words
from .refusals import invalid

DIMENSIONS: Final = 1536
MOST: Final = 2048


class Asked(Struct, frozen=True, kw_only=True):
    """A request; unknown members are taken as they are."""

    model: str
    input: str | list[str | int | list[int]]
    encoding_format: str = "float"
    dimensions: int | None = None

    @property
    def texts(self) -> list[str]:
        """What is to be embedded; tokens stand for their numbers."""
        if isinstance(self.input, str):
            return [self.input]
        if self.input and isinstance(self.input[0], int):
            return [str(self.input)]
        return [text if isinstance(text, str) else str(text) for text in self.input]

    def check(self) -> None:
        """Raise `Refused` if the API would not take it."""
        if not self.texts or "" in self.texts:
            raise invalid("Invalid 'input': input cannot be an empty string.", "input")
        if len(self.texts) > MOST:
            raise invalid(f"Invalid 'input': array too long. Expected at most {MOST} items.", "input")
        if self.encoding_format not in {"float", "base64"}:
            raise invalid("Invalid 'encoding_format'.", "encoding_format", "invalid_value")
        if self.dimensions is not None and not 1 <= self.dimensions <= DIMENSIONS:
            raise invalid("Invalid 'dimensions'.", "dimensions", "integer_out_of_range")


def answer(asked: Asked) -> Answer:
    """Return the answer to a request that was checked."""
    read = words(asked.texts)
    data = [
        {"object": "embedding", "index": index, "embedding": _written(asked, text)}
        for index, text in enumerate(asked.texts)
    ]
    usage = {"prompt_tokens": read, "total_tokens": read}
    return json_answer({"object": "list", "data": data, "model": asked.model, "usage": usage})


def _written(asked: Asked, text: str) -> Any:
    vector = embedding(text, asked.dimensions or DIMENSIONS)
    return base64.b64encode(vector).decode() if asked.encoding_format == "base64" else numbers(vector)
