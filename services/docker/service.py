"""The actor that is a container: it starts when the actor starts, is ready when its health check says so, and goes.

What goes wrong with the container crashes the actor, and the supervisor decides what follows. What goes wrong with the
engine does not: without it nothing could be restarted. The actor says that nobody knows how the container is, waits for
the engine, and looks again.

The container's death is an event that the engine tells of, so it is seen in milliseconds; nothing here asks again and
again whether it still runs.
"""

import math
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

from anyio import (
    TASK_STATUS_IGNORED,
    CancelScope,
    Event,
    create_task_group,
    current_time,
    move_on_after,
    sleep,
    to_thread,
)
from anyio.abc import TaskGroup, TaskStatus
from msgspec import Struct
from msgspec.structs import replace

from ...actors.errors import first_error
from ...runtime import Actor, Backoff, Request, Restart, Sender, StreamRequest, child, supervisor
from ...runtime.specs import ActorSpec, SupervisorSpec
from ..config.errors import ConfigError
from .container import Plan
from .engine import ExecResult
from .errors import (
    BecameUnhealthy,
    ContainerDied,
    EngineAbsent,
    EngineError,
    EngineRefused,
    EngineSilent,
    ImageMissing,
    NeverHealthy,
    PortTaken,
    ServiceError,
)
from .images import ensure_image
from .ownership import DETACHED, FINGERPRINT, OWNER, REPLICA, RUN, SERVICE
from .platform import Platform, label
from .preparation import prepare
from .probes import probe
from .requirements import check_requirements, explained
from .status import LIVE, Place, Replica, Replicas, State, Status
from .wire import Container, EngineEvent, LogLine, Usage

FIRST_PROBE: Final = 0.01
"""Seconds between the first two health checks of a service that starts; each pause is half as long again."""
LONGEST_PAUSE: Final = 0.5
GONE: Final = "the engine is gone; it is waited for"
LAST_LINES: Final = 20
"""Lines of a dead container's output that its error carries."""
REMOVAL: Final = 15.0
"""Seconds beyond its grace that a container may take to be gone."""
TAKEN: Final = ("port is already allocated", "address already in use")
"""What the engine says when a port is taken: of another container's, or of any other program's."""


class GetStatus(Request[Status], frozen=True):
    """How is it?"""

    control = True


class ReadLogs(StreamRequest[LogLine], frozen=True, kw_only=True):
    """What does it write?"""

    follow: bool = True
    """Whether to go on until it ends."""
    tail: int | None = None
    """How many of the last lines to begin with; None for all."""


class Measure(StreamRequest[Usage], frozen=True):
    """What does it use? Once a second."""


class Execute(Request[ExecResult], frozen=True, kw_only=True):
    """Run a command in the container: a program and its arguments, and no shell that would read them."""

    command: tuple[str, ...]
    timeout: float = 20.0
    """Seconds. What is given up goes on until it ends by itself: the engine has no way to end it."""


class Drain(Request[None], frozen=True):
    """Get no new leases; the reply comes when the last one is given back."""

    control = True


class Terms(Struct, frozen=True, kw_only=True):
    """What whoever runs a service says to it, and not its author."""

    allowed: frozenset[str] = frozenset()
    """What it may be beyond what is harmless; see `policy`."""
    adopt: bool = False
    """Whether to go on with the container that a killed run has left, if it was made from the same plan."""
    stays: bool = False
    """Whether the container stays when its actor ends in good order: it is nobody's then, until somebody ends it."""


USUAL: Final = Terms()


class Service(Actor):
    """One container. Its state, and where it is, is in its `Replica`.

    Args:
        platform: What it shares with other services.
        plan: What the container is to be.
        replica: What outlives its restarts.
        terms: What whoever runs it says to it.
    """

    max_concurrency = 64

    def __init__(self, platform: Platform, plan: Plan, replica: Replica, terms: Terms = USUAL) -> None:
        self._platform = platform
        self._engine = platform.engine
        self._fingerprint = plan.fingerprint
        self._plan = replace(plan, network=f"{plan.network}-{platform.run.name}") if plan.aliases else plan
        self._replica = replica
        self._terms = terms
        self._container = ""
        self._places: dict[str, Place] = {}
        self._name = ""
        self._starting: CancelScope | None = None
        self._following: CancelScope | None = None
        self._death: ServiceError | None = None
        self._ready = False
        self._ending = False
        self._engine_gone = False
        self._out_of_memory = False
        self._engine_says = ""  # by its own check
        self._news = Event()

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Start the container, and remove it in the end.

        Raises:
            ServiceError: It can't be started, or was not healthy in time.
        """
        replica = self._replica
        replica.path = self.context.ref.name
        try:
            async with create_task_group() as tasks:
                try:
                    await self._start(tasks)
                    tasks.start_soon(self._keep_checking)
                    yield
                    tasks.cancel_scope.cancel()
                finally:
                    self._ending = True
                    with CancelScope(shield=True, deadline=current_time() + self._plan.stop_grace + REMOVAL):
                        await self._end()
        except* (ServiceError, ConfigError) as errors:  # the group wraps it
            raise first_error(errors) from None

    # -- beginning -------------------------------------------------------------------------------------------------

    async def _start(self, tasks: TaskGroup) -> None:
        replica = self._replica
        replica.change(State.STARTING, remark="", container="")
        while True:
            try:
                await self._try_to_start(tasks)
            except (EngineAbsent, EngineSilent) as error:
                if self._following is not None:
                    self._following.cancel()
                if not replica.status.starts:
                    replica.change(State.FAILED, remark=str(error))
                    raise
                replica.change(State.UNHEALTHY, remark=GONE, places={})  # it has run before, so the engine comes back
                await self._engine.wait_available()
            except (ServiceError, ConfigError) as error:
                replica.change(State.FAILED, remark=str(error).partition("\n")[0])
                raise
            else:
                break
        self._ready = True
        replica.change(State.HEALTHY, places=self._places)

    async def _try_to_start(self, tasks: TaskGroup) -> None:
        self._engine_gone, self._death = False, None
        container = await self._leftover() or await self._create()
        await tasks.start(self._follow, container)
        if not (await self._engine.inspect(container)).state.running:
            await self._run(container)
        described = await self._engine.inspect(container)
        self._replica.change(State.STARTING, starts=self._replica.status.starts + 1)
        self._places = _places(described, self._plan)
        await self._until_healthy(described)

    async def _leftover(self) -> str:
        """Remove what earlier containers of this replica are left; return one that is adopted, if any."""
        replica, run = self._replica.status, self._platform.run
        adopted = ""
        for listed in await self._engine.list(
            f"{OWNER}={run.owner}", f"{SERVICE}={replica.service}", f"{REPLICA}={replica.replica}"
        ):
            if not await self._platform.is_leftover(listed):
                continue
            usable = listed.state == "running" and label(listed, FINGERPRINT) == self._fingerprint
            if self._terms.adopt and usable and not adopted:
                adopted = self._container = listed.id
                self._platform.adopted.add(adopted)
                self._replica.change(container=adopted)
            else:
                await self._engine.remove(listed.id)
        return adopted

    async def _create(self) -> str:
        plan, replica, run = self._plan, self._replica.status, self._platform.run
        name = f"troupe-{plan.service}-{run.name}-{replica.replica}-{replica.starts + 1}"
        labels = run.labels(plan.service, replica.replica, self._fingerprint)
        if self._terms.stays:
            labels[RUN] = DETACHED
        await check_requirements(self._engine, plan.service, plan.requirements, self._platform.files)
        prepared = await to_thread.run_sync(
            prepare, plan, run, name, labels, self._terms.allowed, limiter=self._platform.files
        )
        self._name = name
        await ensure_image(self._engine, plan, self._replica, self._platform.files)
        self._replica.change(State.STARTING)
        if plan.aliases:
            await self._engine.ensure_network(plan.network, labels)
        try:
            self._container = await self._engine.create(name, prepared, plan.platform)
        except EngineRefused as error:
            if "no such image" in error.message.lower():
                raise ImageMissing(f"there is no image {plan.image} here any more: {error.message}") from error
            raise
        self._replica.change(container=self._container)
        return self._container

    async def _run(self, container: str) -> None:
        try:
            await self._engine.start(container)
        except EngineRefused as error:
            if any(phrase in error.message for phrase in TAKEN):
                ports = ", ".join(str(port.host) for port in self._plan.ports.values() if port.host)
                raise PortTaken(
                    f"{self._plan.service} can't have port {ports}: somebody else listens there. End that, or leave "
                    "the choice to the engine (ports: {NAME: CONTAINER_PORT})"
                ) from error
            raise explained(self._plan.service, error) from error

    async def _until_healthy(self, described: Container) -> None:
        grace = self._plan.start_grace
        with CancelScope(deadline=current_time() + grace) as starting:
            self._starting = starting
            if self._death is None:
                await self._first_checks(described)
        self._starting = None
        if self._death is not None:
            raise self._death
        if starting.cancelled_caught:
            remark = self._replica.status.remark or "its check has not ended yet"
            self._replica.last_lines = await self._last_lines()
            raise NeverHealthy(self._plan.service, grace, remark, self._replica.last_lines)

    async def _first_checks(self, described: Container) -> None:
        """Wait for the first health check that succeeds."""
        health, state = self._plan.health, described.state.health
        if health is not None and not health.command:
            pause = FIRST_PROBE
            while problem := await probe(self._platform.http, health, self._places):
                self._replica.change(remark=problem)
                await sleep(pause)
                pause = min(LONGEST_PAUSE, 1.5 * pause)
        elif state is not None and state.status in {"starting", "unhealthy"}:  # the engine checks it, and will tell
            while self._engine_says != "healthy":
                self._news = Event()
                await self._news.wait()

    # -- watching --------------------------------------------------------------------------------------------------

    async def _follow(self, container: str, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
        """Hear what becomes of the container, also over restarts of the engine.

        Raises:
            EngineError: The engine is gone before it has told anything.
        """
        since, hears = time.time() - 1, False
        with CancelScope() as self._following:
            while True:
                try:
                    async with self._engine.events({"container": [container]}, since) as events:
                        if hears:
                            await self._look_again(container)
                        else:
                            hears = True
                            task_status.started()
                        async for event in events:
                            await self._notice(event, container)
                except EngineError:
                    if not hears:
                        raise
                self._engine_gone = True
                if self._death is not None:
                    return
                if not self._ready:  # whoever starts it begins again
                    self._death = EngineAbsent(f"the engine was lost while {self._plan.service} started")
                    if self._starting is not None:
                        self._starting.cancel()
                    return
                self._replica.change(State.UNHEALTHY, remark=GONE)
                since = time.time()
                await self._engine.wait_available()

    async def _notice(self, event: EngineEvent, container: str) -> None:
        """React to what happened to the container."""
        match event.action:
            case "oom":
                self._out_of_memory = True
            case "die" | "destroy" if not self._ending:
                await self._died(event.exit_code, container)
            case "health_status: healthy":
                self._engine_says = "healthy"
                self._news.set()
                if self._ready:
                    self._replica.change(State.HEALTHY)
            case "health_status: unhealthy" if self._ready and not self._ending:
                self._unwell("its own check has failed")
            case _:
                pass

    async def _died(self, exit_code: int, container: str) -> None:
        if self._death is not None:
            return
        self._death = ContainerDied(self._plan.service, exit_code)
        self._replica.change(State.FAILED, remark=f"ended with exit code {exit_code}")  # first of all: others see it
        with suppress(EngineError):
            state = (await self._engine.inspect(container)).state
            self._out_of_memory = self._out_of_memory or state.out_of_memory
        lines = self._replica.last_lines = await self._last_lines()
        self._death = ContainerDied(self._plan.service, exit_code, out_of_memory=self._out_of_memory, last_lines=lines)
        self._replica.change(remark=str(self._death).removeprefix(f"{self._plan.service} "))
        if not self._ready:
            if self._starting is not None:
                self._starting.cancel()
        elif exit_code == 0:
            self._replica.change(State.STOPPED)
            self.context.stop()
        else:
            self.context.crash(self._death)

    async def _look_again(self, container: str) -> None:
        """See what became of the container while the engine was gone."""
        try:
            state = (await self._engine.inspect(container)).state
        except EngineRefused:
            await self._died(-1, container)
            return
        if not state.running:
            await self._died(state.exit_code, container)
            return
        self._engine_gone = False
        self._replica.change(State.HEALTHY)

    async def _keep_checking(self) -> None:
        """Check the health from outside, if that is how, until it fails too often."""
        health = self._plan.health
        if health is None or health.command:
            return
        failures = 0
        while True:
            await sleep(health.interval)
            if self._engine_gone:  # nothing could be restarted
                continue
            problem = await probe(self._platform.http, health, self._places)
            failures = failures + 1 if problem else 0
            if failures >= health.retries:
                with suppress(EngineError):  # whoever is dead is not well, either: that will be told
                    if (await self._engine.inspect(self._container)).state.running:
                        self._unwell(problem)
                        return
            if self._replica.status.state in LIVE:
                self._replica.change(State.UNHEALTHY if problem else State.HEALTHY, remark=problem)

    def _unwell(self, problem: str) -> None:
        self._replica.change(State.UNHEALTHY, remark=problem)
        self._death = BecameUnhealthy(f"{self._plan.service} became unhealthy: {problem}")
        self.context.crash(self._death)

    async def _last_lines(self) -> tuple[str, ...]:
        lines: list[str] = []
        with move_on_after(2), suppress(EngineError):
            async with self._engine.logs(self._container, follow=False, tail=LAST_LINES) as feed:
                async for line in feed:
                    lines.append(line.text)  # noqa: PERF401  (it is cut off when it takes too long)
        return tuple(lines)

    # -- ending ----------------------------------------------------------------------------------------------------

    async def _end(self) -> None:
        """Let those who use it finish, stop the container, remove it. What an engine that is gone keeps is left."""
        if self._terms.stays and self._replica.status.state in LIVE:
            return
        if self._container:
            await self._stop_and_remove()
        if self._plan.secrets:
            forget = self._platform.run.forget_secrets
            await to_thread.run_sync(forget, self._name, limiter=self._platform.files)

    async def _stop_and_remove(self) -> None:
        replica, plan = self._replica, self._plan
        remark, dead = replica.status.remark, replica.status.state is State.FAILED
        with suppress(EngineError):
            if not dead:
                left = current_time() + plan.stop_grace
                replica.change(State.DRAINING)
                if self._death is None:  # else whoever uses it gets nothing from it anyway
                    with move_on_after(plan.stop_grace):
                        await self._drained()
                await self._engine.stop(self._container, max(0.0, left - current_time()))
            await self._engine.remove(self._container)
            if plan.aliases:
                await self._engine.remove_network(plan.network)
        if isinstance(self._death, BecameUnhealthy):
            replica.change(State.FAILED, remark=remark)
        elif not dead:
            replica.change(State.STOPPED)
        replica.change(container="")

    async def _drained(self) -> None:
        while self._replica.leases:
            await self._replica.changed()

    # -- handlers --------------------------------------------------------------------------------------------------

    def get_status(self, request: GetStatus) -> Status:
        """Say how it is."""
        return self._replica.status

    async def read_logs(self, request: ReadLogs, caller: Sender[LogLine]) -> None:
        """Send what the container writes. Who reads slowly slows the reading down, not the container."""
        async with self._engine.logs(self._container, follow=request.follow, tail=request.tail) as lines:
            async for line in lines:
                await caller.send(line)

    async def measure(self, request: Measure, caller: Sender[Usage]) -> None:
        """Send what the container uses."""
        async with self._engine.statistics(self._container) as measured:
            async for usage in measured:
                await caller.send(usage)

    async def execute(self, request: Execute) -> ExecResult:
        """Run a command in the container."""
        return await self._engine.execute(self._container, request.command, timeout=request.timeout)

    async def drain(self, request: Drain) -> None:
        """Get no new leases, and wait until the last one is given back."""
        self._replica.change(State.DRAINING)
        await self._drained()


def _places(described: Container, plan: Plan) -> dict[str, Place]:
    """Return where the ports of a container are on this machine."""
    bound = described.network_settings.ports or {}
    places: dict[str, Place] = {}
    for name, port in plan.ports.items():
        if bindings := bound.get(f"{port.container}/{port.protocol}"):
            address = "127.0.0.1" if bindings[0].host_ip in {"", "0.0.0.0", "::"} else bindings[0].host_ip  # noqa: S104
            places[name] = Place(address, int(bindings[0].host_port))
    return places


def service(
    platform: Platform,
    plan: Plan,
    replica: Replica,
    *,
    terms: Terms = USUAL,
    name: str = "",
) -> ActorSpec:
    """Describe a service's container as a child.

    Args:
        platform: What it shares with other services.
        plan: What the container is to be.
        replica: Where its state is seen.
        terms: What whoever runs it says to it.
        name: Of the child; the service's name and the replica's number if empty.
    """
    rule = plan.restart
    return child(
        Service,
        platform,
        plan,
        replica,
        terms,
        name=name or f"{plan.service}-{replica.status.replica}",
        restart=Restart(rule.policy),
        shutdown=2 * plan.stop_grace + REMOVAL,
        start_timeout=math.inf,  # an image may take an hour; what must not take long has its own deadlines
        backoff=Backoff(first=rule.first, longest=max(rule.first, rule.longest), quiet=2 * rule.longest),
        capabilities=plan.capabilities,
    )


def supervised(platform: Platform, plan: Plan, replicas: Replicas, terms: Terms = USUAL) -> SupervisorSpec:
    """Describe all replicas of a service, below one supervisor with the service's own limit of restarts."""
    children = (service(platform, plan, replica, terms=terms) for replica in replicas.all)
    return supervisor(plan.service, *children, intensity=plan.restart.intensity, period=plan.restart.period)
