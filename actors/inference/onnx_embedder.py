"""Embedding models in ONNX files, such as those of sentence-transformers.

Two forms are known. Models of BERT's family read the numbers of word pieces: ``input_ids`` and ``attention_mask``, some
``token_type_ids`` too, int64 of shape (texts, pieces); with a ``vocab.txt``. Pipelines with their text processing
inside (skl2onnx makes such ones of scikit-learn's) read one input of strings, of shape (texts,) or (texts, 1). The
first output is float32, of shape (texts, dimensions), or (texts, pieces, dimensions): then a text's vector is the mean
over its pieces. Vectors have length 1.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import onnxruntime  # type: ignore[import-untyped] # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from ...codecs.pcm import Float32
from ...codecs.wordpiece import WordPiece
from .errors import EngineFailed, NotInstalled

BATCH: Final = 32
"""Texts that the model reads at once."""
_IDS, _MASK, _TYPES = "input_ids", "attention_mask", "token_type_ids"


class OnnxEmbedder:
    """A model, loaded.

    Args:
        file: The model.
        vocabulary: Its word pieces, one a line; None for ``vocab.txt`` beside the model. Models that read strings need
            none.
        lowercase: Whether it was made without case and accents.
        longest: Pieces of a text that it reads; what is longer is cut.
        threads: That one call uses.

    Raises:
        NotInstalled: A file is not there.
        EngineFailed: It is no model of a form that is known here.
        ValueError: The vocabulary is none.
    """

    def __init__(
        self,
        file: Path,
        vocabulary: Path | None = None,
        *,
        lowercase: bool = True,
        longest: int = 256,
        threads: int = 1,
    ) -> None:
        if not file.is_file():
            raise NotInstalled(f"there is no file {file}")
        runtime: Any = onnxruntime
        options = runtime.SessionOptions()
        options.intra_op_num_threads = threads
        session = runtime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._session = session
        self._longest = longest
        inputs = {each.name: each for each in session.get_inputs()}
        self._names = frozenset(inputs)
        self._text = ""
        self._rank = 1
        self._tokenizer: WordPiece | None = None
        if len(inputs) == 1 and (only := next(iter(inputs.values()))).type == "tensor(string)":
            self._text, self._rank = only.name, len(only.shape)
        elif {_IDS, _MASK} <= self._names <= {_IDS, _MASK, _TYPES}:
            self._tokenizer = _tokenizer(vocabulary or file.with_name("vocab.txt"), lowercase=lowercase)
        else:
            known = f"{_IDS} and {_MASK} (and {_TYPES}), or one input of strings"
            raise EngineFailed(f"the model takes {', '.join(sorted(inputs))}; known are {known}")

    def embed(self, texts: Sequence[str]) -> Float32:
        """Return the vectors of texts, float32 of shape (texts, dimensions), each of length 1.

        Raises:
            EngineFailed: The model gives something else than vectors.
        """
        batches = [self._batch(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
        return np.concatenate(batches) if batches else np.zeros((0, 0), np.float32)

    def _batch(self, texts: Sequence[str]) -> Float32:
        if self._tokenizer is None:
            strings = np.array(texts, object).reshape(-1, *(1,) * (self._rank - 1))
            feed, mask = {self._text: strings}, None
        else:
            feed, mask = self._read(self._tokenizer, texts)
        found = np.asarray(self._session.run(None, feed)[0])
        if found.dtype != np.float32 or found.ndim not in {2, 3} or len(found) != len(texts):
            raise EngineFailed(f"the model gives {found.dtype} of shape {found.shape}, which is no vectors of float32")
        vectors = cast("Float32", found)
        if vectors.ndim == 3:
            weights = np.ones(vectors.shape[:2], np.float32) if mask is None else mask.astype(np.float32)
            vectors = np.einsum("ntd,nt->nd", vectors, weights) / weights.sum(1, keepdims=True)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True).astype(np.float32)
        return cast("Float32", vectors / np.maximum(norms, np.float32(1e-12)))

    def _read(self, tokenizer: WordPiece, texts: Sequence[str]) -> tuple[dict[str, NDArray[Any]], NDArray[np.int64]]:
        rows = [tokenizer.encode(text, self._longest) for text in texts]
        ids = np.zeros((len(rows), max(map(len, rows))), np.int64)
        mask = np.zeros_like(ids)
        for place, row in enumerate(rows):
            ids[place, : len(row)] = row
            mask[place, : len(row)] = 1
        feed: dict[str, NDArray[Any]] = {_IDS: ids, _MASK: mask, _TYPES: np.zeros_like(ids)}
        return {name: value for name, value in feed.items() if name in self._names}, mask


def _tokenizer(file: Path, *, lowercase: bool) -> WordPiece:
    try:
        lines = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except FileNotFoundError:
        raise NotInstalled(f"there is no vocabulary {file}; it comes with the model") from None
    return WordPiece(lines, lowercase=lowercase)
