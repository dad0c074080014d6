"""What is known of a kind of provider without importing it, and what its actors are made from."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Annotated, Any, Generic, Literal, TypeVar, cast, get_args
from urllib.parse import urlsplit

from msgspec import Meta, Struct

from ...actors.http import HttpClient
from ...actors.secret import Secret
from ...runtime.specs import ActorSpec
from .price import ModelPrice

Part = Literal["stt", "llm", "tts"]
"""Of a conversation: speech to text, the language model, text to speech."""
PARTS: tuple[Part, ...] = get_args(Part)
Work = Literal["stt", "llm", "tts", "embedding", "image", "realtime"]
"""What a provider can be asked for: the parts of a conversation, texts as vectors, pictures, and a whole conversation,
by a model that hears and speaks by itself."""
WORKS: tuple[Work, ...] = get_args(Work)


class ProviderTable(Struct, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``, whatever the kind."""

    kind: str = ""
    """Which kind it is; not needed where the name says it, nor for an OpenAI-compatible server with a `base_url`."""
    base_url: str = ""
    """Where it is, with the version (``http://127.0.0.1:1234/v1``); empty for the kind's usual address."""
    api_key: Secret | None = None
    """Its key, best as ``"env:NAME"`` or ``"file:PATH"``; without it the kind's own variable is looked at."""
    models: dict[Work, tuple[str, ...]] = {}
    """Which of its models may be taken where a wish such as ``cheapest:text-generation`` stands instead of a name:
    ``{ llm = ["llama3.2"] }``. None: its usual one, if it has one."""
    prices: dict[str, ModelPrice] = {}
    """What its models cost, where that is not known or not right: ``{ "llama3.2" = { input = 0, output = 0 } }``."""
    concurrency: Annotated[int, Meta(ge=1)] | None = None
    """Calls that it works on at a time, for each part that it takes; others wait. None: as many as its actor takes."""
    per_minute: Annotated[float, Meta(gt=0)] | None = None
    """Calls that a chain gives it in a minute; those beyond go to the next one of the chain. None: any number."""
    region: str = ""
    """Where it is, in words of one's own, such as ``eu``: for wishes."""
    tenants: tuple[str, ...] = ()
    """Who may use it; none: everybody. For wishes."""

    def __post_init__(self) -> None:
        if not self.base_url:
            return
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https", "ws", "wss"} or not parts.hostname:
            raise ValueError("base_url is an address like http://127.0.0.1:1234/v1")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("base_url is an address without a user, query or fragment; there is api_key for keys")


T_co = TypeVar("T_co", bound=ProviderTable, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup(Generic[T_co]):
    """What a provider's actor is made from."""

    kind: "Kind"
    provider: str
    """What the configuration calls it; for errors."""
    actor: str
    """What the actor is to be called."""
    table: T_co
    """What the configuration says of it."""
    key: Secret | None
    """Its key: the table's, or that of the kind's variable."""
    model: str
    """For requests that name none."""
    http: HttpClient
    """The pool of connections of all providers."""


class Kind(Struct, frozen=True, kw_only=True):
    """One kind of provider."""

    name: str
    """What a configuration calls it; ``NAME/MODEL`` is one of its models."""
    stt: str | None = None
    """Its default model for speech to text: empty if one has to be named, None if it has nothing for this part."""
    llm: str | None = None
    tts: str | None = None
    embedding: str | None = None
    image: str | None = None
    realtime: str | None = None
    module: str = ""
    """The module of this package that makes its actors; its name if empty."""
    key: str = ""
    """The environment variable that has its key; empty for one that is used without."""
    base_url: str = ""
    """Where it is, if the module does not know better."""
    engine: str = ""
    """The engine of `troupe.actors.inference.catalogue` that it is, if it is a local one."""
    extra: str = ""
    """The extra of troupe that installs what it needs."""
    embedded: bool = False
    """Whether it is one of those that are there without keys and weights: the last link of a chain."""
    named_only: bool = False
    """Whether it is taken only where a configuration names it, as it does not know by itself what it is to do."""
    openai_voices: bool = False
    """Whether it has the voices that clients of OpenAI name; another one speaks in its own where one of these is
    asked for."""
    capabilities: tuple[str, ...] = ()
    """What it can do beyond the plain thing, by the names of `troupe.services.catalogue.capabilities`."""
    remark: str = ""
    """For people, in a few words."""
    origin: str = ""
    """The package that it comes with; empty for Troupe's own. Then `module` is an absolute name."""

    @property
    def here(self) -> bool:
        """Whether it is in this program: then a provider is one model, and there is nobody to be asked for it."""
        return bool(self.engine) or self.named_only

    def default_model(self, work: Work) -> str | None:
        """Return what stands for its default model, see `stt`."""
        return cast("str | None", getattr(self, work))

    @property
    def parts(self) -> tuple[Part, ...]:
        """Which parts of a conversation it can take."""
        return tuple(part for part in PARTS if self.default_model(part) is not None)

    @property
    def works(self) -> tuple[Work, ...]:
        """What it can do."""
        return tuple(work for work in WORKS if self.default_model(work) is not None)

    def table(self) -> type[ProviderTable]:
        """Return the struct of its table; this imports its module."""
        return cast("type[ProviderTable]", self._module().Table)

    def maker(self, work: Work) -> Callable[[Setup[Any]], ActorSpec]:
        """Return what makes its actor for some work; this imports its module."""
        return cast("Callable[[Setup[Any]], ActorSpec]", getattr(self._module(), work))

    def _module(self) -> Any:
        if self.origin:
            return import_module(self.module)
        return import_module(f".{self.module or self.name}", __package__)
