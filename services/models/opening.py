"""Opening models: who is behind a name is found, started under a supervisor, and put behind one object."""

import os
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, Final, TypeVar, overload

from anyio import CapacityLimiter, Lock, move_on_after, to_thread

from ...actors.file_secret import FileSecret
from ...actors.http import HttpClient
from ...actors.key_follower import KeyFollower
from ...actors.routing import (
    EmbedderPatience,
    FallbackEmbedder,
    FallbackModel,
    FallbackPainter,
    FallbackRecogniser,
    FallbackSynthesizer,
    ModelPatience,
    Provider,
    RecogniserPatience,
    SynthesizerPatience,
)
from ...actors.speech_to_speech.router import ConversationPatience, FallbackConversation
from ...runtime import Ref, Strategy, Supervisor, System, child, open_system, supervisor
from ...runtime.specs import ActorSpec
from ..catalogue.descriptor import ModelDescriptor
from ..catalogue.lists import with_lists
from ..catalogue.selector import ORDERS, Selector
from ..choice import Link, catalogue, linked, with_keys
from ..config import Config, ConfigError, read_config
from ..health import lists_of
from ..kinds.kind import Work
from ..latencies import Latencies
from ..voice import provider_actor
from .embedder import Embedder
from .language_model import LanguageModel
from .model import Model
from .naming import work_of
from .speech_to_speech import SpeechToSpeech
from .speech_to_text import SpeechToText
from .text_to_image import TextToImage
from .text_to_speech import TextToSpeech

M = TypeVar("M", bound=Model)

CLASSES: Final[dict[Work, type[Model]]] = {
    each.work: each for each in (SpeechToText, LanguageModel, TextToSpeech, Embedder, TextToImage, SpeechToSpeech)
}
"""By what they do."""

CONNECTED: Final[frozenset[Work]] = frozenset({"realtime"})
"""What even one provider has a router for, which makes another connection where one ends."""
FAREWELL: Final = 5.0
"""Seconds for giving back what was made at providers."""

# Nobody waits with an ear at the phone, so the providers of a chain get more time than in a conversation. The last one
# of a chain has the deadlines of its own table.
_THINKING: Final = ModelPatience(first_token=15, between_tokens=10, alone=inf, adaptive=False)
_HEARING: Final = RecogniserPatience(accept=15, final=60, alone=inf, keep=3600, adaptive=False)
_EMBEDDING: Final = EmbedderPatience(vectors=15, alone=inf)
_TALKING: Final = ConversationPatience(begin=15, alone=inf)
_SPEAKING: Final = SynthesizerPatience(first_audio=15, between_chunks=10, alone=inf, adaptive=False)


class Models:
    """Where models are opened; made by `open_models`.

    Args:
        config: Says what providers are and where, as for `troupe serve`.
        environ: Where keys are looked for.
        parent: The supervisor below which everything runs.
        system: Its system.
        http: The pool of connections of all providers.
    """

    def __init__(
        self, config: Config, environ: Mapping[str, str], parent: Supervisor, system: System, http: HttpClient
    ) -> None:
        self.config = config
        self._environ = environ
        self._parent = parent
        self._system = system
        self._http = http
        self._providers: dict[str, Supervisor] = {}
        self._actors: dict[tuple[str, Work, str], Ref] = {}
        self._opened: dict[tuple[tuple[str, ...], Work], Model] = {}
        self._latencies = Latencies.at_home(keep=config.voice.keep_latencies)
        self._starting = Lock()
        self._disk = CapacityLimiter(1)

    @overload
    async def model(self, name: str | Sequence[str]) -> Model: ...
    @overload
    async def model(self, name: str | Sequence[str], kind: type[M]) -> M: ...
    async def model(self, name: str | Sequence[str], kind: type[Model] = Model) -> Any:
        """Open a model; a second time it is the same one.

        Cancelling is safe: what was not started is not there.

        Args:
            name: ``PROVIDER`` or ``PROVIDER/MODEL``, as in a configuration, or a wish: ``cheapest:text-generation``.
                Several, in a list or separated by commas, are a chain: where one fails, the next one goes on, without
                losing or repeating anything. Empty: who is there, as `troupe serve` chooses.
            kind: What it is to do: `LanguageModel`, `SpeechToText`, `TextToSpeech`, `Embedder` or `TextToImage`. It may
                be left out where the name says it, but a type checker does not know names.

        Raises:
            ConfigError: The name is not known, the provider has no such model, or there is no key for it.
            StartFailed: A local model can't be loaded.
        """
        names = _names(name)
        work = work_of(names, self.config) if kind is Model else kind.work
        async with self._starting:
            if (names, work) not in self._opened:
                self._opened[names, work] = await self._open(names, work)
            return self._opened[names, work]

    async def find(self, wish: str, *, ask: bool = False) -> list[ModelDescriptor]:
        """Return the models that fit a wish, such as ``cheapest:text-generation?region=eu``, the first choice first.

        Those that could be used and lack something, such as a key, are among them; they say what.

        Args:
            wish: What is wanted.
            ask: Whether to ask the providers that can be used for their lists of models, which costs nothing but the
                time: for models that nobody has named, and for the prices of today, where lists have them.

        Raises:
            ConfigError: It is no wish.
        """
        selector = Selector.parse(wish)
        if selector is None:
            raise ConfigError(f"a wish begins with {', '.join(ORDERS)} and a colon", wish)
        look = partial(catalogue, self.config, self._environ)
        known: Sequence[ModelDescriptor] = await to_thread.run_sync(look, limiter=self._disk)
        if ask:
            links = await to_thread.run_sync(partial(with_keys, self.config, self._environ), limiter=self._disk)
            known = with_lists(known, await lists_of(links))
        return selector.choose(known)

    async def aclose(self) -> None:
        """Give back what was made at providers for the models, and keep how fast these are.

        At most seven seconds, even if the task is cancelled.
        """
        await self._latencies.save_at_the_end(self._system)
        with move_on_after(FAREWELL, shield=True):
            for model in self._opened.values():
                await model.aclose()

    async def _open(self, names: tuple[str, ...], work: Work) -> Model:
        find = partial(linked, self.config, self._environ, work, names)
        links = await to_thread.run_sync(find, limiter=self._disk)
        actors = tuple([await self._actor(link) for link in links])
        if len(actors) == 1 and links[0].table.per_minute is None and work not in CONNECTED:
            return CLASSES[work](actors[0], links, actors)
        count = sum(1 for _, other in self._opened if other == work)
        if any(link.flexible for link in links):
            await self._latencies.load()
        chain = [
            Provider(
                ref.name,
                models={"*": link.model},
                flexible=link.flexible,
                per_minute=link.table.per_minute,
                expected=self._latencies.expected(ref.name, link),
            )
            for ref, link in zip(actors, links, strict=True)
        ]
        router = _router(work, chain, name=_numbered(work, count))
        return CLASSES[work](await self._parent.start_child(router), links, actors)

    async def _actor(self, link: Link) -> Ref:
        """Return the actor of a link: a provider's actor is made for one model, so that its own ways are known."""
        key = (link.provider, link.part, link.model)
        if key not in self._actors:
            if link.provider not in self._providers:
                below = self._system.supervisor(f"{self._parent.name}/providers")
                self._providers[link.provider] = await below.start_child(
                    supervisor(link.provider, strategy=Strategy.DYNAMIC, intensity=10, period=60)
                )
            count = sum(1 for provider, part, _ in self._actors if (provider, part) == key[:2])
            spec = provider_actor(link, self._http, _numbered(link.part, count))
            self._actors[key] = await self._providers[link.provider].start_child(spec)
        return self._actors[key]


@asynccontextmanager
async def open_models(
    config: Config | Path | None = None, *, environ: Mapping[str, str] | None = None, system: System | None = None
) -> AsyncGenerator[Models]:
    """Open a place where models are opened, for as long as the block lasts.

    ::

        async with open_models() as models:
            ear, voice = await models.model("whisper", SpeechToText), await models.model("kokoro", TextToSpeech)

    Args:
        config: What providers are and where: a configuration, or its file. None: as for `troupe serve`, the file that
            ``TROUPE_CONFIG`` names, or ``troupe.toml`` if there is one.
        environ: Where keys are looked for; `os.environ` if not given.
        system: The system in which they run, below a supervisor ``models``; one of their own if not given.

    Raises:
        ConfigError: The configuration can't be used.
    """
    environ = os.environ if environ is None else environ
    if isinstance(config, Config):
        configuration = config
    else:
        read = partial(read_config, config, environ=environ)
        configuration, _ = await to_thread.run_sync(read, limiter=CapacityLimiter(1))
    keys = [table.api_key for table in configuration.providers.values() if isinstance(table.api_key, FileSecret)]
    below = supervisor(
        "models",
        child(KeyFollower, keys, name="keys"),
        supervisor("providers", strategy=Strategy.DYNAMIC, intensity=10, period=60),
    )
    async with HttpClient.open() as http:
        if system is None:
            async with open_system(supervisor("root", below)) as system:
                models = Models(configuration, environ, system.supervisor("models"), system, http)
                try:
                    yield models
                finally:
                    await models.aclose()
            return
        models = Models(configuration, environ, await system.root.start_child(below), system, http)
        try:
            yield models
        finally:
            await models.aclose()
            await system.root.stop_child("models")
            system.root.remove_child("models")


@overload
def open_model(
    name: str | Sequence[str], *, config: Config | Path | None = None, environ: Mapping[str, str] | None = None
) -> AbstractAsyncContextManager[Model]: ...
@overload
def open_model(
    name: str | Sequence[str],
    kind: type[M],
    *,
    config: Config | Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> AbstractAsyncContextManager[M]: ...
def open_model(
    name: str | Sequence[str],
    kind: type[Model] = Model,
    *,
    config: Config | Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> AbstractAsyncContextManager[Any]:
    """Open one model, in a system of its own, for as long as the block lasts.

    ::

        async with open_model("openai/gpt-4o-mini", LanguageModel) as model:
            print((await model.transform("Say hello.")).text)

    For arguments and errors see `open_models` and `Models.model`.
    """
    return _opened(name, kind, config, environ)


@asynccontextmanager
async def _opened(
    name: str | Sequence[str], kind: type[Model], config: Config | Path | None, environ: Mapping[str, str] | None
) -> AsyncGenerator[Model]:
    async with open_models(config, environ=environ) as models:
        yield await models.model(name, kind)


def _names(name: str | Sequence[str]) -> tuple[str, ...]:
    names = name.split(",") if isinstance(name, str) else name
    return tuple(stripped for each in names if (stripped := each.strip()))


def _numbered(work: Work, count: int) -> str:
    return f"{work}-{count + 1}" if count else work


def _router(work: Work, chain: Sequence[Provider], name: str) -> ActorSpec:
    """Specify the actor that has something done by the first provider of a chain that can."""
    match work:
        case "stt":
            return child(FallbackRecogniser, chain, _HEARING, name=name)
        case "llm":
            return child(FallbackModel, chain, _THINKING, name=name)
        case "tts":
            return child(FallbackSynthesizer, chain, _SPEAKING, name=name)
        case "embedding":
            return child(FallbackEmbedder, chain, _EMBEDDING, name=name)
        case "image":
            return child(FallbackPainter, chain, name=name)
        case "realtime":
            return child(FallbackConversation, chain, _TALKING, name=name)
