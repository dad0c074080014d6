"""Who takes which part in one session, where that is not the same for all: what its client has chosen, and its browser.

::

    casts/SESSION
    ├── browser-stt, browser-tts     stand for the browser of the session's page
    └── stt, llm, tts                routers over the session's own chains

A session without wishes, on a server whose chains have no browser in them, uses the routers that all share.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

from anyio import CancelScope, move_on_after
from msgspec.structs import replace as replaced

from ..actors.providers.browser.page import Page
from ..actors.providers.browser.recogniser import BrowserRecogniser
from ..actors.providers.browser.synthesizer import BrowserSynthesizer
from ..actors.realtime.client_secrets import NO_WISHES, Wanted
from ..actors.realtime.diagnosis import wrong_value
from ..actors.voice.services import Services
from ..runtime import Restart, Strategy, System, child, supervisor
from ..runtime.specs import ActorSpec, SupervisorSpec
from .choice import Choice, Link
from .kinds.kind import PARTS, Part
from .routers import provider, router_over

CASTS: Final = "casts"
"""The supervisor of them all."""
BROWSER: Final = "browser"
"""The kind of provider that every session has one of its own of."""
STOP_DEADLINE: Final = 5.0
"""Seconds that a cast has to end when its session has."""
_ROLES: Final = {"stt": "recogniser", "llm": "model", "tts": "synthesizer"}


def casts() -> SupervisorSpec:
    """Specify the supervisor whose children the casts become."""
    return supervisor(CASTS, strategy=Strategy.DYNAMIC)


class Casting:
    """Puts the casts of sessions together.

    Args:
        system: Where providers and casts run.
        choice: Who there is.
        services: What sessions use that are like all others.
    """

    def __init__(self, system: System, choice: Choice, services: Services) -> None:
        self.choice = choice
        self._system = system
        self._services = services
        self._alike = not any(map(_is_browser, choice.links))  # what sessions without wishes use

    def check(self, wanted: Wanted) -> None:
        """Check that a client may have what it has chosen.

        Raises:
            ClientMistake: Somebody is not on offer.
        """
        for part in PARTS:
            offered = [link.name for link in self.choice.offered(part)]
            for index, name in enumerate(wanted.chain(part)):
                if name not in offered:
                    raise wrong_value(("providers", part, index), name, offered)

    @asynccontextmanager
    async def cast(self, session: str, wanted: Wanted = NO_WISHES) -> AsyncGenerator[Services]:
        """Give what a session uses; what was made for it ends with the block.

        Args:
            session: The session's id.
            wanted: What its client has chosen; `check` it first.
        """
        if self._alike and wanted == NO_WISHES:
            yield self._services
            return
        chains: dict[Part, tuple[Link, ...]] = {part: self._chain(part, wanted) for part in PARTS}
        own: list[Part] = [part for part in PARTS if wanted.chain(part) or any(map(_is_browser, chains[part]))]
        page = Page() if any(_is_browser(link) for part in own for link in chains[part]) else None
        actors = [] if page is None else _browsers(page, chains)
        routers = [self._router(session, part, chains[part]) for part in own]
        spec = supervisor(session, *actors, *routers, restart=Restart.TEMPORARY, intensity=10, period=60)
        parent = self._system.supervisor(CASTS)
        await parent.start_child(spec)
        try:
            refs: dict[str, Any] = {_ROLES[part]: self._system.ref(f"{CASTS}/{session}/{part}") for part in own}
            yield replace(self._services, page=page, conversation=None, **refs)
        finally:
            with CancelScope(shield=True), move_on_after(STOP_DEADLINE):
                if session in {each.spec.name for each in parent.children}:
                    await parent.stop_child(session)

    def _chain(self, part: Part, wanted: Wanted) -> tuple[Link, ...]:
        offered = {link.name: link for link in self.choice.offered(part)}
        return tuple(offered[name] for name in dict.fromkeys(wanted.chain(part))) or self.choice.chain(part)

    def _router(self, session: str, part: Part, chain: tuple[Link, ...]) -> ActorSpec:
        voice = self.choice.voice
        own = f"{CASTS}/{session}/{BROWSER}-{part}"
        providers = [
            replaced(provider(link, voice.voices), path=own) if _is_browser(link) else provider(link, voice.voices)
            for link in chain
        ]
        return router_over(part, providers, voice.patience)


def _is_browser(link: Link) -> bool:
    return link.kind.name == BROWSER


def _browsers(page: Page, chains: dict[Part, tuple[Link, ...]]) -> list[ActorSpec]:
    """Specify the actors that stand for the browser, in the parts that it takes."""
    takes = {part for part, chain in chains.items() if any(map(_is_browser, chain))}
    actors: list[ActorSpec] = []
    if "stt" in takes:
        actors.append(child(BrowserRecogniser, page, name=f"{BROWSER}-stt"))
    if "tts" in takes:
        actors.append(child(BrowserSynthesizer, page, name=f"{BROWSER}-tts"))
    return actors
