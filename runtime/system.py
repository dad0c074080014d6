"""A system: one tree of actors, with its clock, its registry and its timer, for as long as a block lasts."""

from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from random import Random

from anyio import CancelScope, create_task_group

from . import events
from .deadlines import Deadlines
from .errors import StartFailed
from .exits import Crashed, Exit
from .life import Child, Life
from .parking import loop_clock
from .ref import Ref
from .registry import Capability, Registry
from .specs import AnySpec, Strategy, SupervisorSpec
from .supervision import Supervisor


class System:
    """What a running tree of actors shares. `open_system` makes one and runs it."""

    def __init__(
        self, root: SupervisorSpec, *, on_event: Callable[[events.Event], None] = events.log, seed: int | None = None
    ) -> None:
        self.now: Callable[[], float] = loop_clock()
        """The event loop's clock, in seconds."""
        self.random = Random(seed)
        """For the jitter of restarts."""
        self.registry = Registry()
        self.deadlines = Deadlines(self.now)
        self._listeners: tuple[Callable[[events.Event], None], ...] = (on_event,)
        self.root = Supervisor(root, "", self)
        """The supervisor of all; its path is empty."""
        self.registry.add(self.root)
        self.child = Child(root, self.root, kept=False)
        """The root supervisor as the child of the system."""
        self._body = CancelScope()

    def emit(self, event: events.Event) -> None:
        """Tell whoever listens that something happened."""
        for listener in self._listeners:
            listener(event)

    @contextmanager
    def listening(self, listener: Callable[[events.Event], None]) -> Generator[None]:
        """Tell `listener` of every event, too, until the block ends.

        It is called where the event happens, so it has to be quick, and must not raise.
        """
        self._listeners += (listener,)
        try:
            yield
        finally:
            self._listeners = tuple(each for each in self._listeners if each is not listener)

    def ref(self, path: str) -> Ref:
        """Return the reference to the actor at `path`, such as ``"speech/whisper"``; see `Registry.ref`."""
        return self.registry.ref(path)

    def supervisor(self, path: str) -> Supervisor:
        """Return the supervisor at `path`; see `Registry.supervisor`."""
        return self.registry.supervisor(path)

    def find(self, capability: Capability, *others: Capability) -> list[Ref]:
        """Return the actors that have all of these capabilities; see `Registry.find`."""
        return self.registry.find(capability, *others)

    # -- its life --------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def run(self) -> AsyncGenerator[None]:
        """Run the tree for as long as the block lasts, once; see `open_system`."""
        failure: Exception | None = None
        life = self.child.begin(self)
        async with create_task_group() as tasks:
            tasks.start_soon(self.deadlines.run)
            tasks.start_soon(life.run)
            try:
                if await life.started.wait():
                    with self._body:
                        yield
            except Exception as error:  # policy: raised below, because the task group would wrap the block's own error
                failure = error
            finally:
                self.child.wanted = False
                await life.stop(for_good=True)
                self.root.finish(life.exit)
                tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure
        if isinstance(life.exit, Crashed):
            raise life.exit.error
        if not life.started.value:
            raise StartFailed(self.root.name, life.exit)

    def request_stop(self) -> None:
        """Ask the whole tree to drain and end, as leaving the block does. The block goes on; see `wait_ended`."""
        if self.child.life is not None:
            self.child.life.request_stop(for_good=True)

    def kill(self) -> None:
        """Cancel every actor at once, whatever grace it has, and end the tree. The block goes on."""
        self.request_stop()
        self.root.kill()

    async def wait_ended(self) -> Exit:
        """Wait until all actors have ended, and return why. Cancelling is safe."""
        assert self.child.life is not None
        await self.child.life.gone.wait()
        return self.child.life.exit

    # -- as the owner of its root supervisor -----------------------------------------------------------------------

    @property
    def system(self) -> "System":
        """Itself."""
        return self

    def life_ended(self, life: Life) -> None:
        """Hear that the root supervisor has ended."""
        if life.started.value and not life.stop_asked:
            self._body.cancel()


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
    reverse, each with its grace. Should the root supervisor end before, the block is cancelled; if it gave up, its
    error is raised. An error of the block itself comes out as it is, in no exception group.

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
    system = System(
        root_spec(*children, strategy=strategy, intensity=intensity, period=period), on_event=on_event, seed=seed
    )
    async with system.run():
        yield system


def root_spec(*children: AnySpec, strategy: Strategy, intensity: int, period: float) -> SupervisorSpec:
    """Describe the root supervisor; a single supervisor is the root itself."""
    if len(children) == 1 and isinstance(children[0], SupervisorSpec):
        return children[0]
    return SupervisorSpec(name="root", children=children, strategy=strategy, intensity=intensity, period=period)
