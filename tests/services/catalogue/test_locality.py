"""Where a provider is, by its address."""

import pytest
from troupe.services.catalogue.locality import locality
from troupe.services.kinds.registry import KINDS


@pytest.mark.parametrize(
    ("kind", "base_url", "where"),
    [
        ("openai", "", "cloud"),
        ("ollama", "", "local"),
        ("whisper", "", "local"),
        ("espeak", "", "local"),
        ("openai", "http://127.0.0.1:1234/v1", "local"),
        ("openai", "http://[::1]:1234/v1", "local"),
        ("openai", "http://localhost:1234/v1", "local"),
        ("openai", "http://api.localhost/v1", "local"),
        ("openai", "http://10.0.0.7/v1", "network"),
        ("openai", "http://[fe80::1]/v1", "network"),
        ("ollama", "http://gpu:11434", "network"),
        ("ollama", "http://gpu.lan:11434", "network"),
        ("ollama", "https://ollama.example.com", "cloud"),
        ("openai", "http://8.8.8.8/v1", "cloud"),
    ],
)
def test_by_address_or_kind(kind: str, base_url: str, where: str) -> None:
    assert locality(KINDS[kind], base_url) == where
