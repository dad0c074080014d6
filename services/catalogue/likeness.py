"""Whether two names are those of one model: only then vectors that it makes here and there can be compared."""

from ..kinds.kind import Kind


def same_model(one: tuple[str, Kind, str], other: tuple[str, Kind, str]) -> bool:
    """Tell whether the same model is meant, each a provider's name, its kind, and what it calls the model.

    Providers name the same model as ``BAAI/bge-m3``, ``bge-m3`` or ``bge-m3:latest``: with or without its owner, and
    with Ollama's tag for the usual variant. Another version, size or tag is another model. A function or a file of
    one's own is known to be nothing but itself.
    """
    (provider, kind, model), (another, other_kind, other_model) = one, other
    if kind.here or other_kind.here:
        return provider == another
    (owner, name), (other_owner, other_name) = _parted(model), _parted(other_model)
    return name == other_name and (owner == other_owner or not (owner and other_owner))


def _parted(model: str) -> tuple[str, str]:
    owner, _, name = model.lower().removesuffix(":latest").rpartition("/")
    return owner, name
