"""A system: one tree of actors, with its clock, its registry and its timer, for as long as a block lasts."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from random import Random

from anyio import CancelScope, create_task_group

from . import events
from .deadlines import Deadlines
from .exits import Crashed
from .ref import Ref
from .registry import Capability, Registry
from .restart import Restart
from .specs import AnySpec, Strategy, SupervisorSpec
from .supervisor import Child, Supervisor


class System:
    """What a running tree of actors shares. Made by `open_system`."""

    def __init__(self, root: SupervisorSpec, on_event: Callable[[events.Event], None], seed: int | None) -> None:
        self.now: Callable[[], float] = _clock()
        """The event loop's clock, in seconds."""
        self.random = Random(seed)
        """For the jitter of restarts."""
        self.registry = Registry()
        self.deadlines = Deadlines(self.now)
        self.emit = on_event
        """Where events go."""
        self.root = Supervisor(root, "", self)
        self.registry.add(self.root)
        self.life = Child(root, self.root)
        """The root supervisor as a child of the system."""
        self.body = CancelScope()
        """Around the block that uses the system."""

    def ref(self, path: str) -> Ref:
        """Return the reference to the actor at `path`, such as ``"speech/whisper"``; see `Registry.ref`."""
        return self.registry.ref(path)

    def supervisor(self, path: str) -> Supervisor:
        """Return the supervisor at `path`; see `Registry.supervisor`."""
        return self.registry.supervisor(path)

    def find(self, *capabilities: Capability) -> list[Ref]:
        """Return the actors that have all of `capabilities`; see `Registry.find`."""
        return self.registry.find(*capabilities)

    def request_stop(self) -> None:
        """Ask the whole tree to drain and end, as leaving the block does."""
        self.life.stop_asked = True
        self.root.request_stop(for_good=True)

    def kill(self) -> None:
        """Cancel every actor at once, whatever grace it has."""
        self.root.kill()

    @property
    def system(self) -> "System":
        """Itself: it owns its root supervisor as supervisors own their children."""
        return self

    def child_ended(self, child: Child) -> None:
        """Hear that the root supervisor has ended."""
        if child.started.is_set and not child.stop_asked:
            self.body.cancel()


@asynccontextmanager
async def open_system(
    *children: AnySpec,
    strategy: Strategy = Strategy.ONE_FOR_ONE,
    intensity: int = 3,
    period: float = 5.0,
    on_event: Callable[[events.Event], None] = events.log,
    seed: int | None = None,
) -> AsyncGenerator[System]:
    """Run a tree of actors for as long as the block lasts.

    ::

        async with open_system(child(Greeter, name="greeter")) as system:
            print(await system.ref("greeter").ask(Greet("Ada")))

    The block is entered when all children are ready. Leaving it, also by an error or a cancellation, stops them in
    reverse, each with its grace. Should the root supervisor give up, the block is cancelled and the error raised.

    Args:
        children: The children of the root supervisor, or a single supervisor to be the root itself.
        strategy: The root's strategy.
        intensity: Restarts the root allows in any `period`.
        period: Seconds.
        on_event: Gets every `troupe.runtime.events.Event`; they are logged if not given.
        seed: Makes the jitter of restarts the same in every run.

    Raises:
        StartFailed: A child did not become ready; the others have been stopped.
        RestartLimitExceeded: The root gave up.
    """
    if len(children) == 1 and isinstance(children[0], SupervisorSpec):
        root = children[0]
    else:
        root = SupervisorSpec(
            name="root", children=children, strategy=strategy, intensity=intensity, period=period,
            restart=Restart.TEMPORARY, start_timeout=float("inf"),
        )  # fmt: skip
    system = System(root, on_event, seed)
    child = system.life
    async with create_task_group() as tasks:
        tasks.start_soon(system.deadlines.run)
        try:
            child.spawn(tasks, system)
            if await child.started.wait():
                with system.body:
                    yield system
        finally:
            await child.stop(system, for_good=True)
            system.root.finish(child.last_exit)
            tasks.cancel_scope.cancel()
    if isinstance(child.last_exit, Crashed):
        raise child.last_exit.error


def _clock() -> Callable[[], float]:
    """The running event loop's clock without anyio's dispatch, which would be a good part of the cost of an ask."""
    loop = asyncio._get_running_loop()
    if loop is not None:
        return loop.time
    import trio

    return trio.current_time
