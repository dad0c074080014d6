"""Models in ONNX files turn texts into vectors."""

from pathlib import Path

import numpy as np
import pytest
from tiny_embedder import write_bert, write_other, write_strings
from troupe.actors.inference.errors import EngineFailed, NotInstalled
from troupe.actors.inference.onnx_embedder import BATCH, OnnxEmbedder


@pytest.mark.parametrize("types", [False, True])
def test_the_mean_over_pieces_of_each_text_and_not_over_the_filling(tmp_path: Path, types: bool) -> None:
    file = tmp_path / "model.onnx"
    write_bert(file, types=types)
    vectors = OnnxEmbedder(file).embed(["Cat", "dog sits sitting"])
    cat = np.bincount([2, 4, 3], minlength=8) / np.sqrt(3)
    sitting = np.bincount([2, 5, 6, 1, 3], minlength=8) / np.sqrt(5)  # "sitting" has no pieces in this vocabulary
    np.testing.assert_allclose(vectors, [cat, sitting], rtol=1e-6)
    assert vectors.dtype == np.float32


@pytest.mark.parametrize("column", [False, True])
def test_a_model_that_reads_strings(tmp_path: Path, column: bool) -> None:
    file = tmp_path / "model.onnx"
    write_strings(file, column=column)
    vectors = OnnxEmbedder(file).embed(["cat", "dog"])
    assert vectors.argmax(1).tolist() == [1, 0]


def test_many_texts_are_read_in_batches_and_none_is_none(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    write_bert(file, types=False)
    engine = OnnxEmbedder(file, longest=3)
    many = engine.embed(["dog cat", "cat"] * BATCH)
    assert many.shape == (2 * BATCH, 8)
    np.testing.assert_array_equal(many[0], engine.embed(["dog"])[0])  # what is longer is cut
    np.testing.assert_array_equal(many[-1], engine.embed(["cat"])[0])
    assert engine.embed([]).shape == (0, 0)


def test_what_is_not_there_or_not_known_is_told(tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    with pytest.raises(NotInstalled, match="there is no file"):
        OnnxEmbedder(file)
    write_other(file)
    with pytest.raises(EngineFailed, match="the model takes picture; known are input_ids and attention_mask"):
        OnnxEmbedder(file)
    write_bert(file, types=False)
    file.with_name("vocab.txt").unlink()
    with pytest.raises(NotInstalled, match="there is no vocabulary"):
        OnnxEmbedder(file)
    other = tmp_path / "words.txt"
    other.write_text("cat\ndog\n")
    with pytest.raises(ValueError, match="the vocabulary has no"):
        OnnxEmbedder(file, other)
