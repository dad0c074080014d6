"""Names of one model, and of different ones."""

import pytest
from troupe.services.catalogue.likeness import same_model
from troupe.services.kinds.registry import KINDS


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("openai/text-embedding-3-small", "openai/text-embedding-3-small", True),
        ("openai/text-embedding-3-small", "openai/text-embedding-3-large", False),
        ("together/BAAI/bge-m3", "ollama/bge-m3:latest", True),
        ("together/BAAI/bge-m3", "vllm/baai/bge-m3", True),
        ("together/BAAI/bge-m3", "vllm/somebody/bge-m3", False),
        ("ollama/bge-m3:567m", "ollama/bge-m3", False),
        ("ollama/nomic-embed-text", "ollama/nomic-embed-text:v1.5", False),
        ("function/function", "openai/function", False),
        ("onnx/onnx", "onnx/onnx", True),
    ],
)
def test_who_is_who(one: str, other: str, same: bool) -> None:
    (provider, _, model), (another, _, other_model) = one.partition("/"), other.partition("/")
    first, second = (provider, KINDS[provider], model), (another, KINDS[another], other_model)
    assert same_model(first, second) is same
    assert same_model(second, first) is same
