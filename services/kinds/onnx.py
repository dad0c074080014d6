"""A model in an ONNX file: see `troupe.actors.inference.onnx_embedder`."""

from functools import partial
from pathlib import Path
from typing import Annotated

from msgspec import Meta

from ...actors.inference.onnx_embedder import OnnxEmbedder as Engine
from ...actors.providers.onnx.embedder import OnnxEmbedder
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import ProviderTable, Setup


class Table(ProviderTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    file: str = ""
    """The model's file."""
    vocabulary: str = ""
    """The file with its word pieces; ``vocab.txt`` beside the model if empty."""
    lowercase: bool = True
    """Whether the model was made without case and accents."""
    longest: Annotated[int, Meta(ge=3)] = 256
    """Word pieces of a text that it reads; what is longer is cut."""
    threads: Annotated[int, Meta(ge=1)] = 1
    """That one request uses."""


def embedding(setup: Setup[Table]) -> ActorSpec:
    """Make what turns texts into vectors."""
    table = setup.table
    if not table.file:
        raise ValueError('file says which model: file = "model.onnx"')
    load = partial(
        Engine,
        Path(table.file),
        Path(table.vocabulary) if table.vocabulary else None,
        lowercase=table.lowercase,
        longest=table.longest,
        threads=table.threads,
    )
    return child(OnnxEmbedder, setup.provider, load, name=setup.actor)
