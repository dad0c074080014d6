"""Who takes which part of a conversation: what a configuration names, and where it names nobody, what there is.

Nothing is started and nobody is asked here; keys and engines are only looked at. `troupe.services.voice` runs what was
chosen, `troupe.services.health` asks whether it works.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from ..actors.inference.catalogue import ENGINES, models_folder
from ..actors.secret import Secret
from .catalogue.descriptor import ModelDescriptor, describe
from .catalogue.likeness import same_model
from .catalogue.selector import Selector
from .config import Config, ConfigError
from .config.errors import nearest
from .config.schema import ServiceTable, Voice
from .kinds.kind import PARTS, WORKS, Kind, Part, ProviderTable, Work
from .kinds.registry import KINDS

TITLES: Final[dict[Work, str]] = {
    "stt": "speech to text",
    "llm": "language model",
    "tts": "text to speech",
    "embedding": "embeddings",
    "image": "pictures",
    "realtime": "speech to speech",
}
"""What the parts of a conversation, and other work, are called for people."""
CONFIGURED: Final = "configured"
"""Why somebody was chosen who is named."""
WHOLE: Final[Work] = "realtime"
"""The work that takes all parts of a conversation at once."""
LAST_RESORT: Final = "the last resort"
"""Why somebody embedded was chosen."""

NOWHERE: Final = "http://service.invalid/v1"
"""The address of a provider whose container does not run yet."""


class Link(Struct, frozen=True, kw_only=True):
    """One provider in the chain of a part, or of other work."""

    part: Work
    provider: str
    """Its name in the configuration."""
    kind: Kind
    model: str
    table: ProviderTable
    key: Secret | None
    why: str
    """It is there, for people."""
    service: ServiceTable | None = None
    """The container that it is in, if the server runs it."""
    flexible: bool = False
    """Whether its place in the chain, among those of which this is true, is for whoever has been fastest."""

    @property
    def name(self) -> str:
        """What a configuration would call it."""
        return self.provider if self.kind.here else f"{self.provider}/{self.model}"

    @property
    def meant(self) -> tuple[str, Kind, str]:
        """Its provider, that one's kind, and the model."""
        return self.provider, self.kind, self.model

    @property
    def path(self) -> str:
        """Where its actor is in the tree of `troupe.services.voice`."""
        return f"providers/{self.provider}/{self.part}"


class Omission(Struct, frozen=True):
    """A provider that can't take a part, although it was named or would be of use."""

    part: Work
    name: str
    why: str
    """And what to do about it."""
    meant: tuple[str, Kind, str] | None = None
    """The provider, its kind and the model, where somebody has named it."""


class Choice(Struct, frozen=True, kw_only=True):
    """Who takes which part, and how sessions begin."""

    links: tuple[Link, ...]
    """In the order in which those of a part are asked."""
    choices: tuple[Link, ...] = ()
    """Who else takes a part where a client chooses so."""
    omissions: tuple[Omission, ...] = ()
    voice: Voice = Voice()

    def chain(self, part: Work) -> tuple[Link, ...]:
        """Return the links of a part, or those of ``realtime`` if they take all parts."""
        return tuple(link for link in self.links if link.part == part)

    @property
    def all(self) -> tuple[Link, ...]:
        """All links: those of the chains, and those that clients may choose."""
        return (*self.links, *self.choices)

    @property
    def parts(self) -> tuple[Work, ...]:
        """What is to be done: the work that takes all parts, if somebody does that, and each of them."""
        return (WHOLE, *PARTS) if self.chain(WHOLE) else PARTS

    def offered(self, part: Part) -> tuple[Link, ...]:
        """Return the links of a part from which clients may choose, those of its chain first, each once."""
        return tuple({link.name: link for link in self.all if link.part == part}.values())

    def without(self, lost: Mapping[str, str]) -> "Choice":
        """Return what is left of it.

        Args:
            lost: Providers that can't be had after all, and why.

        Raises:
            ConfigError: Nobody is left for a part.
        """
        return _checked(
            tuple(link for link in self.links if link.provider not in lost),
            (
                *self.omissions,
                *(Omission(each.part, each.name, lost[each.provider]) for each in self.links if each.provider in lost),
            ),
            self.voice,
            tuple(link for link in self.choices if link.provider not in lost),
        )


def choose(config: Config, environ: Mapping[str, str], models: Path | None = None) -> Choice:
    """Choose providers for all parts.

    Args:
        config: What it names is taken, in its order; one that can't be used, for lack of a key, say, is left out if
            there is another one. For parts of which it says nothing, everybody is taken whose key is there, then the
            best local engine, and the embedded one at last.
        environ: Where keys are looked for.
        models: The folder of local models; None is `catalogue.models_folder`.

    Raises:
        ConfigError: A name is not known, or nobody is there for a part.
    """
    here = _Here(config, environ, models or models_folder())
    found = [entry for part in PARTS for entry in here.entries(part)]
    choices = [entry for part in PARTS for entry in here.choices(part)]
    if config.voice.realtime:  # nobody is taken for it who was not named: it costs more than the three
        found += here.entries(WHOLE)
    links = tuple(entry for entry in found if isinstance(entry, Link))
    omissions = tuple(entry for entry in (*found, *choices) if isinstance(entry, Omission))
    return _checked(links, omissions, config.voice, tuple(entry for entry in choices if isinstance(entry, Link)))


def _checked(
    links: tuple[Link, ...], omissions: tuple[Omission, ...], voice: Voice, choices: tuple[Link, ...]
) -> Choice:
    """Return a choice, if there is somebody for each part."""
    wanted: tuple[Work, ...] = (*PARTS, WHOLE) if voice.realtime else PARTS
    for part in wanted:
        if not any(link.part == part for link in links):
            reasons = "".join(f"\n  {each.name}: {each.why}" for each in omissions if each.part == part)
            raise ConfigError(f"nobody can take the part {part} ({TITLES[part]}):{reasons}", f"[voice] {part}")
    return Choice(links=links, choices=choices, omissions=omissions, voice=voice)


def with_keys(config: Config, environ: Mapping[str, str]) -> tuple[Link, ...]:
    """Return everybody elsewhere who could take a part, named for it or not: one link for each provider.

    Those whose tables are there count, too, if a model has to be named for them first.

    Raises:
        ConfigError: A key can't be one.
    """
    here = _Here(Config(providers=config.providers), environ, models_folder())
    links = [entry for part in PARTS for entry in here.entries(part) if isinstance(entry, Link)]
    for provider in config.providers:
        kind = kind_of(provider, config, "")
        for part in PARTS:
            if kind.default_model(part) == "":
                links += [entry for entry in here.named(part, f"{provider}/any", "") if isinstance(entry, Link)]
    return tuple({link.provider: link for link in links if not link.kind.here}.values())


def linked(
    config: Config, environ: Mapping[str, str], work: Work, names: Sequence[str], models: Path | None = None
) -> tuple[Link, ...]:
    """Find those who are named for some work, whatever the configuration names for it.

    Args:
        config: Its tables of providers say what they are, and where.
        environ: Where keys are looked for.
        work: What they are to do.
        names: ``NAME`` or ``NAME/MODEL``, in the order in which they are to be asked; those that can't be used are left
            out if there is another one. None: as `choose` does for a part of which a configuration says nothing. For
            embeddings, wishes stand for all who have the model of the first one.
        models: The folder of local models; None is `catalogue.models_folder`.

    Raises:
        ConfigError: A name is not known, none of them can be used, or they name different models for embeddings.
    """
    here = _Here(config, environ, models or models_folder())
    found = [entry for name in names for entry in here.named(work, name, name)] if names else list(here.found(work))
    if work == "embedding":
        found = list(_of_one_model(found))
    links = tuple(entry for entry in found if isinstance(entry, Link))
    if not links:
        reasons = "".join(f"\n  {each.name}: {each.why}" for each in found if isinstance(each, Omission))
        raise ConfigError(f"nobody is there for {TITLES[work]}:{reasons}")
    return links


def _of_one_model(found: Sequence[Link | Omission]) -> Iterator[Link | Omission]:
    """Give those that make vectors with one model, that of the first; such as lack a key may be the first, too.

    Raises:
        ConfigError: Somebody has named another model.
    """
    first: tuple[str, Kind, str] | None = None
    for entry in found:
        meant = entry.meant
        first = first or meant
        if first is None or meant is None or same_model(first, meant):
            yield entry
        elif isinstance(entry, Omission) or entry.why == CONFIGURED:  # it is named; what is wished for is left out
            raise ConfigError(
                f"{_shown(first)} and {_shown(meant)} are different models, whose vectors have nothing in common: name "
                "one model, or the same one at several providers"
            )


def _shown(meant: tuple[str, Kind, str]) -> str:
    provider, kind, model = meant
    return provider if kind.here else f"{provider}/{model}"


def catalogue(config: Config, environ: Mapping[str, str], models: Path | None = None) -> tuple[ModelDescriptor, ...]:
    """Describe all models that wishes such as ``cheapest:text-generation`` choose from, also those that lack something.

    These are the usual models of all kinds of providers, and those that a configuration lists as ``models``.

    Args:
        config: Says what else there is, where it is, and what it costs.
        environ: Where keys are looked for.
        models: The folder of local models; None is `catalogue.models_folder`.

    Raises:
        ConfigError: A key can't be one.
    """
    here = _Here(config, environ, models or models_folder())
    return tuple(model for work in WORKS for model in here.described(work))


def kind_of(provider: str, config: Config, where: str) -> Kind:
    """Return the kind of a provider.

    Args:
        provider: Its name in a configuration.
        config: Has its table, if there is one.
        where: Where it was named, for errors.

    Raises:
        ConfigError: Nobody has that name.
    """
    table = config.providers.get(provider)
    kind = KINDS.get(table.kind or provider, KINDS["openai"]) if table else KINDS.get(provider)
    if kind is None and provider in config.services:
        return KINDS["openai"]
    if kind is None:
        hint = nearest(provider, {*KINDS, *config.providers})
        raise ConfigError(
            f"there is no provider {provider}; {hint} A server of OpenAI's API takes [providers.{provider}] with "
            "its base_url.",
            where,
        )
    return kind


class _Here:
    """What there is to choose from."""

    def __init__(self, config: Config, environ: Mapping[str, str], models: Path) -> None:
        self._config = config
        self._environ = environ
        self._models = models

    def entries(self, part: Work) -> Iterator[Link | Omission]:
        """Give the links of a part, and what was left out."""
        if names := self._config.voice.chain(part):
            for name in names:
                yield from self.named(part, name, f"[voice] {part}")
        else:
            yield from self.found(part)

    def choices(self, part: Part) -> Iterator[Link | Omission]:
        """Give the links that clients may choose for a part, beside those of its chain."""
        for name in self._config.voice.choices.of(part):
            yield from self.named(part, name, f"[voice.choices] {part}")

    def named(self, part: Work, name: str, where: str) -> Iterator[Link | Omission]:
        """Find what somebody names, or wishes for; `where` says where, for errors."""
        selector = Selector.parse(name)
        if selector is None:
            yield self._one(part, name, where)
        elif selector.capability.work != part:
            raise ConfigError(f"{selector.capability.name} is not what {TITLES[part]} is", where)
        else:
            yield from self._wished(part, selector, name)

    def _wished(self, part: Work, selector: Selector, wish: str) -> Iterator[Link | Omission]:
        """Find those that fit a wish, whoever is to be asked first in front."""
        chosen = selector.choose(list(self.described(part)))
        for model in chosen:
            if model.problem:
                yield Omission(part, model.name, model.problem)
            else:
                link = self._link(part, model.provider, model.kind, model.model, wish)
                yield replace(link, flexible=selector.order == "fastest")
        if not chosen:
            yield Omission(part, wish, "nobody who is known here is like that; see `troupe providers`")

    def described(self, part: Work) -> Iterator[ModelDescriptor]:
        """Describe all who may be meant by a wish: by name in the configuration, of use, on this machine, embedded."""
        own = {name: kind_of(name, self._config, "") for name in self._config.providers}
        rest = {kind.name: kind for kind in KINDS.values() if kind.name not in own}
        for provider, kind in (*own.items(), *rest.items()):
            table = self._table(provider, kind)
            usual = kind.default_model(part)
            # Who knows what models somebody else's server has?
            elsewhere = kind.named_only or bool(table.base_url and kind.key)
            for model in table.models.get(part, (usual,) if usual and not elsewhere else ()):
                problem = self._problem(provider, kind)
                if not problem and not self._is_of_use(kind) and provider in rest:
                    problem = f"nobody said that it is there: write [providers.{provider}] with its base_url"
                yield describe(provider, kind, part, model, table, problem=problem)

    def _one(self, part: Work, name: str, where: str) -> Link | Omission:
        """Find what somebody names."""
        provider, _, model = name.partition("/")
        kind = kind_of(provider, self._config, where)
        usual = kind.default_model(part)
        if usual is None:
            able = ", ".join(other.name for other in KINDS.values() if part in other.works)
            raise ConfigError(f"{provider} has no {TITLES[part]}; there are {able}", where)
        if kind.here and model:
            raise ConfigError(f"{provider} is one model; name it without /{model}", where)
        if not (model or usual):
            raise ConfigError(f"{provider} has no model of its own choice: write {provider}/MODEL", where)
        if problem := self._problem(provider, kind):
            return Omission(part, name, problem, (provider, kind, model or usual))
        return self._link(part, provider, kind, model or usual, CONFIGURED)

    def found(self, part: Work) -> Iterator[Link | Omission]:
        """Find what can take a part: with a key, on this machine, embedded."""
        have_local = False
        for kind in KINDS.values():
            usual = kind.default_model(part)
            if not usual or kind.named_only or not self._is_of_use(kind):
                continue
            if kind.engine and not kind.embedded and have_local:
                continue
            if problem := self._problem(kind.name, kind):
                if kind.embedded or not kind.engine:
                    yield Omission(part, kind.name, problem)
                continue
            have_local = have_local or bool(kind.engine)
            yield self._link(part, kind.name, kind, usual, self._why(kind))

    def _is_of_use(self, kind: Kind) -> bool:
        """Whether there is a reason to take a kind that nobody has named."""
        table = self._config.providers.get(kind.name)
        if table is not None and (table.kind or kind.name) != kind.name:
            return False  # somebody else has its name
        named = table is not None or kind.name in self._config.services
        return bool(kind.engine or named or (kind.key and self._environ.get(kind.key)))

    def _why(self, kind: Kind) -> str:
        if kind.embedded:
            return LAST_RESORT
        if kind.engine:
            return "installed"
        if kind.name in self._config.services:
            return f"[services.{kind.name}]"
        table = self._config.providers.get(kind.name)
        if table is not None and (table.api_key or table.base_url):
            return f"[providers.{kind.name}]"
        return f"{kind.key} is set"

    def _problem(self, provider: str, kind: Kind) -> str:
        """Return why a provider can't be used, and what to do about that; empty if it can."""
        table = self._table(provider, kind)
        if kind.key and not table.base_url and self._key(kind, table) is None:
            return f"no key: set {kind.key}, or api_key in [providers.{provider}]"
        if kind.engine:
            match ENGINES[kind.engine].state(self._models):
                case "needs the package":
                    return f"not installed: pip install 'troupe[{kind.extra}]'"
                case "needs the model":
                    return f"its model is not here: troupe models pull {kind.engine}"
                case "ready":
                    pass
        return ""

    def _link(self, part: Work, provider: str, kind: Kind, model: str, why: str) -> Link:
        table = self._table(provider, kind)
        key = self._key(kind, table)
        service = self._config.services.get(provider)
        return Link(
            part=part, provider=provider, kind=kind, model=model, table=table, key=key, why=why, service=service
        )

    def _table(self, provider: str, kind: Kind) -> ProviderTable:
        table = self._config.providers.get(provider) or kind.table()()
        # a container's address is known when it runs; that it has one of its own decides about keys before
        return replace(table, base_url=NOWHERE) if provider in self._config.services else table

    def _key(self, kind: Kind, table: ProviderTable) -> Secret | None:
        """Return the key that the table has, or that of the kind's variable; never one for another address."""
        if table.api_key is not None or not kind.key or table.base_url:
            return table.api_key
        try:
            return Secret(self._environ.get(kind.key, "")) or None
        except ValueError as error:
            raise ConfigError(str(error), kind.key) from None
