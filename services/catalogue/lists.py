"""What providers' own lists of models say: more models, what they can do, what they cost now."""

from collections.abc import Iterator, Sequence

from msgspec import Struct

from ...actors.contracts import Model
from ..kinds.kind import Kind, ProviderTable, Work
from .capabilities import CAPABILITIES, PLAIN
from .descriptor import ModelDescriptor, describe
from .prices import listed


class ProviderList(Struct, frozen=True):
    """The list of one provider."""

    provider: str
    """Its name in the configuration."""
    kind: Kind
    table: ProviderTable
    models: tuple[Model, ...]


def with_lists(known: Sequence[ModelDescriptor], lists: Sequence[ProviderList]) -> list[ModelDescriptor]:
    """Return the models that are known, with what lists say of them, and after them those that only lists know.

    A list that does not say what a model can do adds none: nobody knows what it is to be asked for.
    """
    found = {(model.provider, model.work, model.model): model for model in known}
    for each in lists:
        for model in each.models:
            for work in _works(each, model):
                key = (each.provider, work, model.id)
                if key in found or model.features is not None:
                    found[key] = _described(each, model, work)
    return list(found.values())


def _works(source: ProviderList, model: Model) -> Iterator[Work]:
    """Give what a model can be asked for, as far as the provider is known here for that."""
    for work in source.kind.works:
        if model.features is None or CAPABILITIES[PLAIN[work]].feature in model.features:
            yield work


def _described(source: ProviderList, model: Model, work: Work) -> ModelDescriptor:
    return describe(
        source.provider,
        source.kind,
        work,
        model.id,
        source.table,
        features=model.features,
        listed=None if model.price is None else listed(model.price, f"the list of {source.provider}"),
    )
