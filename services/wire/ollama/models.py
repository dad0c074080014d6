"""What there is to be told of models, and how one is fetched."""

from collections.abc import Iterator
from typing import Any, Final

from .answers import CREATED, DIGEST

NAMES: Final = ("llama3.2:latest", "nomic-embed-text:latest")
SIZE: Final = 2_019_393_189
CONTEXT: Final = 131_072
_DETAILS: Final = {
    "parent_model": "",
    "format": "gguf",
    "family": "llama",
    "families": ["llama"],
    "parameter_size": "3.2B",
    "quantization_level": "Q4_K_M",
}


def capabilities(name: str) -> list[str]:
    """Return what a model can do."""
    return ["embedding"] if "embed" in name else ["completion", "tools", "vision"]


def listed(name: str) -> dict[str, Any]:
    """Return a model as the list has it."""
    return {
        "name": name,
        "model": name,
        "modified_at": CREATED,
        "size": SIZE,
        "digest": DIGEST,
        "details": _DETAILS,
        "capabilities": capabilities(name),
    }


def loaded(name: str) -> dict[str, Any]:
    """Return a model as the list of those in memory has it."""
    rest = {"expires_at": CREATED, "size_vram": SIZE, "context_length": 4096}
    return {name: value for name, value in listed(name).items() if name not in {"modified_at", "capabilities"}} | rest


def shown(name: str) -> dict[str, Any]:
    """Return all that is told of a model."""
    return {
        "modelfile": f"FROM {name}",
        "parameters": 'stop "<|eot_id|>"',
        "template": "{{ .Prompt }}",
        "details": _DETAILS,
        "model_info": {"general.architecture": "llama", "llama.context_length": CONTEXT},
        "capabilities": capabilities(name),
        "modified_at": CREATED,
    }


def fetched(*, known: bool) -> Iterator[dict[str, Any]]:
    """Give the lines of a fetch: two parts at once, then the rest; or the error for what nobody has."""
    yield {"status": "pulling manifest"}
    if not known:
        yield {"error": "pull model manifest: file does not exist"}
        return
    parts = {f"sha256:{DIGEST}": SIZE, f"sha256:{DIGEST[::-1]}": 1429}
    for share in (0, 0.5, 1):
        for digest, total in parts.items():
            done = {"completed": round(total * share)} if share else {}
            yield {"status": f"pulling {digest[7:19]}", "digest": digest, "total": total, **done}
    for status in ("verifying sha256 digest", "writing manifest", "success"):
        yield {"status": status}
