"""``GET /models``: which there are."""

from typing import Final

import msgspec
from msgspec import Struct

from ....contracts import Model
from ....decoding import decoded


class _Model(Struct):
    id: str
    owned_by: str | None = None
    shutdown_date: str | None = None


class _Models(Struct):
    data: list[_Model]


_decode: Final = msgspec.json.Decoder(_Models).decode


def decode_models(body: bytes, provider: str) -> tuple[Model, ...]:
    """Decode the body of ``GET /models``.

    Raises:
        BrokenStream: It makes no sense.
    """
    models = decoded(_decode, body, provider).data
    return tuple(Model(model.id, model.owned_by or "", model.shutdown_date) for model in models)
