"""What a model does, by its name alone."""

from collections.abc import Sequence

from ..catalogue.selector import Selector
from ..choice import TITLES, kind_of
from ..config import Config, ConfigError
from ..kinds.kind import Work


def work_of(names: Sequence[str], config: Config) -> Work:
    """Return what the first of these names does.

    Raises:
        ConfigError: It can do several things, and the name does not say which; or nobody has that name.
    """
    if not names:
        raise ConfigError("without a name nobody knows what the model is to do; name a class, such as LanguageModel")
    name = names[0]
    if (selector := Selector.parse(name)) is not None and selector.capability.work is not None:
        return selector.capability.work
    provider, _, model = name.partition("/")
    kind = kind_of(provider, config, name)
    works: tuple[Work, ...] = kind.works
    if len(works) > 1:
        works = tuple([work for work in works if model and kind.default_model(work) == model])
    if len(works) == 1:
        return works[0]
    able = ", ".join(TITLES[work] for work in kind.works)
    raise ConfigError(f"it may be meant for {able}: name a class, such as LanguageModel", name)
