"""Providers in containers that the server runs itself: the container, and behind it the actors that talk to it.

::

    providers/whisper                rest_for_one
    ├── whisper                      the container
    └── stt                          talks to it, at the address that it has now

When the container dies, the supervisor ends those behind it, starts the container anew, then them: each is built anew
with the new address, and calls that wait in their mailboxes go there.
"""

import dataclasses
import logging
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import import_module
from typing import TYPE_CHECKING

from anyio import to_thread
from msgspec.structs import replace

from ..actors.http import HttpClient
from ..runtime import Actor, Backoff, Strategy, supervisor
from ..runtime.specs import ActorSpec, SupervisorSpec
from .choice import Link
from .config.errors import ConfigError
from .config.schema import ServiceTable

if TYPE_CHECKING:  # who runs no containers does not load what it takes
    from .docker.container import Plan
    from .docker.platform import Platform
    from .docker.service import Terms

_log = logging.getLogger("troupe.voice")


class Home:
    """A container that a provider is in.

    Args:
        platform: What it shares with other containers.
        plans: The container, and before it those that it depends on.
        terms: What the configuration says to it.
    """

    def __init__(self, platform: "Platform", plans: "tuple[Plan, ...]", terms: "Terms") -> None:
        from .docker.service import service
        from .docker.status import Replica

        self.replica = Replica(plans[-1].service)
        self.plan = plans[-1]
        self._specs: list[ActorSpec] = []
        for each in plans:
            replica = self.replica if each is self.plan else Replica(each.service)
            self._specs.append(service(platform, each, replica, terms=terms, name=each.service))

    def supervisor(self, name: str, actors: Iterable[ActorSpec]) -> SupervisorSpec:
        """Specify the container and those who talk to it.

        A container that can't be kept up is tried again for ever, so seldom that it does not use up the restarts of all
        providers together: one of them that is broken must not end the server.
        """
        rule = self.plan.restart
        specs = (*self._specs, *actors)
        seldom = Backoff(first=15, longest=60, quiet=60, eager=False)
        return supervisor(
            name,
            *specs,
            strategy=Strategy.REST_FOR_ONE,
            intensity=rule.intensity,
            period=rule.period,
            backoff=seldom,
        )

    def moving(self, link: Link, http: HttpClient, make: Callable[[Link, HttpClient], ActorSpec]) -> ActorSpec:
        """Specify an actor that is built for the address that the container has when the actor starts."""
        hint = self.plan.provider

        def build() -> Actor:
            address = self.replica.place(hint.port).url(hint.path)
            spec = make(replace(link, table=replace(link.table, base_url=address)), http)
            return spec.factory(*spec.arguments)

        return dataclasses.replace(make(link, http), factory=build, arguments=())


@asynccontextmanager
async def homes_of(links: Iterable[Link]) -> AsyncGenerator[Mapping[str, Home]]:
    """Prepare the containers of providers, by the providers' names; none is started yet.

    Raises:
        ConfigError: A manifest can't be used, or leads to files that nobody has allowed.
    """
    tables: dict[str, ServiceTable] = {link.provider: link.service for link in links if link.service is not None}
    if not tables:
        yield {}
        return
    await to_thread.run_sync(import_module, f"{__package__}.docker.service")  # it reads files
    await to_thread.run_sync(import_module, f"{__package__}.docker.plans")
    from .docker.errors import EngineError, Forbidden
    from .docker.plans import make_plans, native
    from .docker.platform import Platform
    from .docker.policy import permissions
    from .docker.service import Terms

    async with AsyncExitStack() as stack:
        platform = await stack.enter_async_context(Platform.open(purpose="serve"))
        homes: dict[str, Home] = {}
        for name, table in tables.items():
            allowed = permissions(table.allow, f"[services.{name}] allow")
            try:
                described, plans = await make_plans(
                    table.manifest or name, variant=table.variant, environment=table.environment, allowed=allowed
                )
            except Forbidden as error:
                raise ConfigError(str(error), f"[services.{name}]") from error
            terms = Terms(allowed=allowed | native(described), adopt=table.adopt)
            homes[name] = Home(platform, tuple(_called(name, plan, plans[-1]) for plan in plans), terms)
        try:
            await platform.sweep(home.plan.service for home in homes.values())
        except EngineError as error:  # each of them will say so, too, where it matters
            _log.warning("what an earlier run may have left is not looked for: %s", error)
        yield homes


def _called(name: str, plan: "Plan", main: "Plan") -> "Plan":
    """Return a plan under the name that the configuration has for it: one manifest may be used twice."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", name)
    network = f"{name}-{plan.network}" if plan.aliases else plan.network
    return replace(plan, service=name if plan is main else f"{name}-{plan.service}", network=network)
