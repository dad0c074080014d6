"""``troupe service``: services in containers, run by hand."""

import os
import signal
import sys
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final, TypeVar

import anyio
from anyio import create_task_group, move_on_after, open_signal_receiver, to_thread
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ...actors.errors import first_error
from ...runtime import Strategy, open_system, supervisor
from ...runtime.errors import RestartLimitExceeded, StartFailed
from ...runtime.exits import Crashed
from ...runtime.specs import SupervisorSpec
from ..config import ConfigError, read_config
from ..config.schema import ServiceTable
from ..docker.container import Plan
from ..docker.engine import Engine
from ..docker.errors import ContainerDied, EngineError, NeverHealthy, ServiceError
from ..docker.images import ensure_image
from ..docker.manifest import FILE_NAME, Described, read_manifest
from ..docker.ownership import DETACHED, OWNER, REPLICA, RUN, SERVICE, Run, purpose_of
from ..docker.plans import find, make_plans, native, shipped
from ..docker.platform import Platform, label
from ..docker.policy import permissions
from ..docker.preparation import prepare
from ..docker.service import Terms, supervised
from ..docker.status import Replica, Replicas
from ..docker.template import write
from ..docker.units import show_bytes
from ..docker.wire import Listed, Usage
from .failing import MISCONFIGURED, fail
from .service_table import Watching

T = TypeVar("T")

PURPOSE: Final = "service up"
"""What a run of ours calls itself; it may be ended by `down`."""
AFTER: Final = Strategy.REST_FOR_ONE
"""Among the services of a Compose file, each stands on those before it."""
MEASURED: Final = 3.0
"""Seconds that a container has to say what it uses: the engine does so once a second, and needs two of them."""
GRACE: Final = 10.0

service = App(name="service", help="Run services in containers.")

Name = Annotated[str, Parameter(help=f"A service: a folder with {FILE_NAME}, or one that comes with Troupe.")]
Variant = Annotated[str, Parameter(help="Which variant of it, such as gpu.")]
Allow = Annotated[
    list[str] | None, Parameter(help="What it may be beyond what is harmless, mount:/data say.", negative=())
]


@service.command(name="list")
def list_() -> None:
    """Show the services that come with Troupe, and those of the current folder."""
    _guarded(_list())


@service.command
def up(
    *names: Name,
    variant: Variant = "",
    replicas: Annotated[int, Parameter(help="How many of each.")] = 1,
    allow: Allow = None,
    adopt: Annotated[
        bool, Parameter(help="Go on with the containers that a killed run has left.", negative=())
    ] = False,
    detach: Annotated[bool, Parameter(help="Leave them running, with nobody to restart them.", negative=())] = False,
) -> None:
    """Start services, show how they are, restart them when they die; until Ctrl-C."""
    if not names or replicas < 1:
        fail("name at least one service, and at least one replica", MISCONFIGURED)
    terms = Terms(allowed=_permissions(allow), adopt=adopt, stays=detach)
    _guarded(_up(names, variant, replicas, terms))


@service.command
def down(name: Name) -> None:
    """End a service that runs apart: a detached one, or that of another `troupe service up`."""
    _guarded(_down(name))


@service.command
def status() -> None:
    """Show the services that run, what they use, and whose they are."""
    _guarded(_status())


@service.command
def logs(
    name: Name,
    *,
    follow: Annotated[bool, Parameter(help="Go on until it ends.", negative=())] = False,
    tail: Annotated[int | None, Parameter(help="How many of the last lines; all if not given.")] = None,
) -> None:
    """Print what a service writes."""
    _guarded(_logs(name, follow=follow, tail=tail))


@service.command(name="exec")
def execute(
    name: Name,
    *command: Annotated[str, Parameter(help="A program and its arguments.", allow_leading_hyphen=True)],
    timeout: Annotated[float, Parameter(help="Seconds that it may take.")] = 60.0,
) -> None:
    """Run a command in a service's container; end with its status."""
    if not command:
        fail("say which command: troupe service exec NAME -- PROGRAM ARGUMENTS", MISCONFIGURED)
    raise SystemExit(_guarded(_execute(name, command, timeout)))


@service.command
def pull(name: Name, *, variant: Variant = "", allow: Allow = None) -> None:
    """Fetch or build a service's image, without starting it."""
    _guarded(_pull(name, variant, _permissions(allow)))


@service.command
def new(
    name: Annotated[str, Parameter(help="What it is to be called.")],
    *,
    folder: Annotated[Path | None, Parameter(help="Where to; a folder of its name if not given.")] = None,
) -> None:
    """Write a service that runs as it is, to be changed."""
    folder = folder or Path(name)
    try:
        files = write(folder, name)
        read_manifest(folder)
    except FileExistsError as error:
        fail(f"{error} is there already", MISCONFIGURED)
    except (ConfigError, OSError) as error:
        fail(str(error), MISCONFIGURED)
    for file in files:
        print(file)
    print(f"Now: troupe service up {folder}")


def _permissions(words: list[str] | None) -> frozenset[str]:
    try:
        return permissions(words or [], "--allow")
    except ConfigError as error:
        fail(str(error), MISCONFIGURED)


def _guarded(work: Coroutine[Any, Any, T]) -> T:
    """Run something; end with what is wrong in a sentence."""

    async def run() -> T:
        return await work

    try:
        return anyio.run(run)
    except ConfigError as error:
        fail(str(error), MISCONFIGURED)
    except ServiceError as error:
        fail(str(error), 1)
    except KeyboardInterrupt:
        raise SystemExit(130) from None


# -- up --------------------------------------------------------------------------------------------------------------


async def _up(names: tuple[str, ...], variant: str, count: int, terms: Terms) -> None:
    configured = await to_thread.run_sync(_configured)
    made = [await _made(name, variant, terms, configured.get(name)) for name in names]
    async with Platform.open(purpose=PURPOSE) as platform:
        await platform.sweep([plan.service for plans, _ in made for plan in plans] if terms.adopt else ())
        specs: list[SupervisorSpec] = []
        everybody: list[Replica] = []
        for plans, own in made:
            together = [(plan, Replicas(plan.service, count)) for plan in plans]
            everybody += [replica for _, replicas in together for replica in replicas.all]
            chain = [supervised(platform, plan, replicas, own) for plan, replicas in together]
            specs.append(chain[0] if len(chain) == 1 else supervisor(plans[-1].service, *chain, strategy=AFTER))
        watching = Watching(Console(highlight=False), everybody)
        failed: str | None = None
        async with create_task_group() as tasks:
            tasks.start_soon(watching.run)
            with open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals, anyio.CancelScope() as scope:

                async def end() -> None:
                    async for _ in signals:
                        scope.cancel()

                tasks.start_soon(end)
                try:
                    root = supervisor("services", intensity=0)  # who gives one up ends all
                    async with open_system(root, on_event=_silent) as watching.system:
                        async with create_task_group() as starting:
                            for spec in specs:
                                starting.start_soon(watching.system.supervisor("").start_child, spec)
                        if not terms.stays:
                            await anyio.sleep_forever()
                except (StartFailed, RestartLimitExceeded, ExceptionGroup) as error:
                    failed = _reason(error, everybody)
            watching.system = None
            tasks.cancel_scope.cancel()
        if failed is not None:
            fail(failed, 1)


def _silent(_: object) -> None:
    """Leave out what the table shows anyway."""


def _configured() -> dict[str, ServiceTable]:
    config, _ = read_config(environ=os.environ)
    return config.services


async def _made(name: str, variant: str, terms: Terms, table: ServiceTable | None) -> tuple[tuple[Plan, ...], Terms]:
    """Make the plans of a service, and say on which terms they run: ``[services.NAME]``, too, has a say."""
    table = table or ServiceTable()
    allowed = terms.allowed | permissions(table.allow, f"[services.{name}] allow")
    described, plans = await make_plans(
        table.manifest or name, variant=variant or table.variant, environment=table.environment, allowed=allowed
    )
    return plans, Terms(allowed=allowed | native(described), adopt=terms.adopt or table.adopt, stays=terms.stays)


def _reason(error: Exception, everybody: list[Replica]) -> str:
    """Say why services did not start, or were given up, with the last lines of those that failed."""
    cause: BaseException = first_error(error)
    while isinstance(cause, StartFailed) and isinstance(cause.exit, Crashed):
        cause = cause.exit.error
    if isinstance(cause, ContainerDied | NeverHealthy):
        return "\n  ".join([str(cause), *cause.last_lines])
    lines = [line for replica in everybody for line in replica.last_lines]
    return "\n  ".join([str(cause), *lines])


# -- what runs -------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _ours(*labels: str) -> AsyncGenerator[tuple[Engine, list[Listed]]]:
    """Give the containers of this user's services."""
    owner = await to_thread.run_sync(Run.owner_here)
    async with Engine.open() as engine:
        yield engine, list(await engine.list(f"{OWNER}={owner}", *labels))


def _one(name: str, listed: list[Listed]) -> Listed:
    running = [each for each in listed if each.state == "running"]
    if not running:
        fail(f"{name} does not run; `troupe service status` shows what does", 1)
    return running[0]


async def _down(name: str) -> None:
    name = await to_thread.run_sync(_service_name, name)
    async with _ours(f"{SERVICE}={name}") as (engine, listed):
        if not listed:
            fail(f"{name} does not run", 1)
        for container in listed:
            run = label(container, RUN)
            alive = None if run == DETACHED else await to_thread.run_sync(purpose_of, run)
            if alive is None:
                await engine.stop(container.id, GRACE)
                await engine.remove(container.id)
            elif alive[1] == PURPOSE:
                with suppress(ProcessLookupError):
                    os.kill(alive[0], signal.SIGTERM)
            else:
                fail(f"{name} belongs to process {alive[0]} (troupe {alive[1]}), and ends with it", 1)


async def _status() -> None:
    shown = Table(box=None, padding=(0, 2, 0, 0))
    for title in ("service", "state", "cpu", "memory", "whose"):
        shown.add_column(title, no_wrap=True)
    async with _ours() as (engine, listed):
        used: dict[str, Usage] = {}
        async with create_task_group() as tasks:
            for container in listed:
                if container.state == "running":
                    tasks.start_soon(_measure, engine, container.id, used)
        for container in listed:
            usage = used.get(container.id)
            cpu = f"{usage.cpu:.2f}" if usage else ""
            memory = f"{show_bytes(usage.memory)} of {show_bytes(usage.memory_limit)}" if usage else ""
            name = f"{label(container, SERVICE)} {label(container, REPLICA)}".removesuffix(" 0")
            whose = await to_thread.run_sync(_whose, label(container, RUN))
            shown.add_row(Text(name, "bold"), container.status.lower(), cpu, memory, whose)
    Console(highlight=False).print(shown if listed else "No services run.")


async def _measure(engine: Engine, container: str, used: dict[str, Usage]) -> None:
    with move_on_after(MEASURED), suppress(EngineError):
        async with engine.statistics(container) as measured:
            await anext(measured)  # the first one has nothing to compare itself with
            used[container] = await anext(measured)


def _whose(run: str) -> str:
    if run == DETACHED:
        return DETACHED
    alive = purpose_of(run)
    return f"process {alive[0]} (troupe {alive[1]})" if alive else "nobody's: left by a run that was killed"


async def _logs(name: str, *, follow: bool, tail: int | None) -> None:
    name = await to_thread.run_sync(_service_name, name)
    async with _ours(f"{SERVICE}={name}") as (engine, listed):
        container = _one(name, listed)
        async with engine.logs(container.id, follow=follow, tail=tail) as lines:
            async for line in lines:
                print(line.text, file=sys.stderr if line.stream == "stderr" else sys.stdout, flush=True)


async def _execute(name: str, command: tuple[str, ...], timeout: float) -> int:
    name = await to_thread.run_sync(_service_name, name)
    async with _ours(f"{SERVICE}={name}") as (engine, listed):
        container = _one(name, listed)
        result = await engine.execute(container.id, command, timeout=timeout)
    sys.stdout.buffer.write(result.stdout)
    sys.stderr.buffer.write(result.stderr)
    return result.exit_code


def _service_name(name: str) -> str:
    """Return what a service calls itself, whatever way it is named."""
    with suppress(ConfigError):
        return read_manifest(find(name)).manifest.name
    return name


# -- images and manifests --------------------------------------------------------------------------------------------


async def _pull(name: str, variant: str, allowed: frozenset[str]) -> None:
    described, plans = await make_plans(name, variant=variant, allowed=allowed)
    allowed |= native(described)
    replicas = [Replica(plan.service) for plan in plans]
    async with Platform.open(purpose="service pull") as platform, create_task_group() as tasks:
        tasks.start_soon(Watching(Console(highlight=False), replicas).run)
        for plan, replica in zip(plans, replicas, strict=True):
            check = partial(prepare, plan, platform.run, plan.service, {}, allowed)
            await to_thread.run_sync(check, limiter=platform.files)
            await ensure_image(platform.engine, plan, replica, platform.files)
        tasks.cancel_scope.cancel()
    for plan in plans:
        print(f"{plan.image} is here")


async def _list() -> None:
    shown = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    shown.add_column(no_wrap=True, min_width=16)
    shown.add_column()
    running: dict[str, int] = {}
    problem = ""
    try:
        async with _ours() as (_, listed):
            for container in listed:
                name = label(container, SERVICE)
                running[name] = running.get(name, 0) + (container.state == "running")
    except EngineError as error:
        problem = str(error)
    for described in await to_thread.run_sync(_known):
        manifest = described.manifest
        variants = f"variants: {', '.join(manifest.variants)}" if manifest.variants else ""
        count = running.get(manifest.name, 0)
        state = f"{count} running" if count else ""
        about = Text("; ".join(filter(None, (manifest.description, variants))), "dim")
        shown.add_row(Text(manifest.name, "bold"), Text.assemble((state, "green"), " " if state else "", about))
    console = Console(highlight=False)
    console.print(shown)
    if problem:
        console.print(Text(problem, "yellow"))


def _known() -> list[Described]:
    """Read the manifests of what comes with Troupe, of the current folder, and of those directly in it."""
    here = [Path(FILE_NAME), *sorted(Path().glob(f"*/{FILE_NAME}"))]
    return [read_manifest(path) for path in (*map(find, shipped()), *(each for each in here if each.is_file()))]
