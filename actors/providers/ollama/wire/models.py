"""Which models there are (``GET /api/tags``), one of them (``POST /api/show``), fetching one (``POST /api/pull``)."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from ....contracts import Feature, Model, PullProgress
from ....decoding import decoded
from ....http_errors import complained

SUCCESS: Final = "success"
"""The last status of a fetch; without it, it has failed, whatever HTTP says."""
_FEATURES: Final[dict[str, Feature]] = {
    "completion": "text",
    "tools": "tools",
    "vision": "images",
    "thinking": "reasoning",
    "embedding": "embeddings",
    "audio": "transcription",
    "image": "image_generation",
}


def _features(capabilities: list[str] | None) -> tuple[Feature, ...] | None:
    if capabilities is None:
        return None
    return tuple(_FEATURES[name] for name in capabilities if name in _FEATURES)


class _Details(Struct):
    parameter_size: str = ""
    context_length: int | None = None


class _Model(Struct):
    name: str
    details: _Details | None = None
    capabilities: list[str] | None = None


class _Tags(Struct):
    models: list[_Model] | None


class _Show(Struct):
    details: _Details | None = None
    model_info: dict[str, Any] | None = None
    capabilities: list[str] | None = None


class _Progress(Struct):
    status: str = ""
    digest: str = ""
    total: int = 0
    completed: int = 0
    error: Any = None


_decode_tags: Final = msgspec.json.Decoder(_Tags).decode
_decode_show: Final = msgspec.json.Decoder(_Show).decode
_decode_progress: Final = msgspec.json.Decoder(_Progress).decode


def decode_tags(body: bytes, provider: str) -> tuple[Model, ...]:
    """Decode the list of models.

    Raises:
        BrokenStream: It makes no sense.
    """
    models = decoded(_decode_tags, body, provider).models or ()
    return tuple(
        Model(
            model.name,
            "ollama",
            context=model.details.context_length if model.details else None,
            features=_features(model.capabilities),
        )
        for model in models
    )


def decode_show(body: bytes, name: str, provider: str) -> Model:
    """Decode what is told of one model.

    Raises:
        BrokenStream: It makes no sense.
    """
    shown = decoded(_decode_show, body, provider)
    lengths = (value for key, value in (shown.model_info or {}).items() if key.endswith(".context_length"))
    size = shown.details.parameter_size if shown.details else ""
    return Model(
        name,
        "ollama",
        name=f"{name} ({size})" if size else name,
        context=next((length for length in lengths if isinstance(length, int)), None),
        features=_features(shown.capabilities),
    )


def decode_progress(line: bytes, provider: str) -> PullProgress:
    """Decode a line of a fetch.

    Raises:
        ProviderError: It is an error: `ModelNotFound` if nobody has such a model.
        BrokenStream: It makes no sense.
    """
    progress = decoded(_decode_progress, line, provider)
    if progress.error:
        raise complained(provider, progress.error)
    return PullProgress(
        status=progress.status, digest=progress.digest, completed=progress.completed, total=progress.total
    )
