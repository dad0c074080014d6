"""How a service is, for whoever looks; and where it is, for whoever uses it. Plain objects that outlive restarts."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from enum import Enum
from typing import Final

from anyio import Event, create_task_group, current_time, move_on_after
from msgspec import Struct
from msgspec.structs import replace

from .errors import NoSuchPort, NotRunning


class State(Enum):
    """Where a service is in its life."""

    ABSENT = "absent"
    """It was never started, or was removed."""
    PULLING = "pulling"
    BUILDING = "building"
    STARTING = "starting"
    """Its container runs, or is about to, and is not healthy yet."""
    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    """It runs, and its last health check failed; or nobody knows, as the engine is gone."""
    DRAINING = "draining"
    """It finishes what it works on, and gets nothing new."""
    STOPPED = "stopped"
    """It was ended on purpose."""
    FAILED = "failed"
    """It ended by itself, or could not be started."""
    BACKING_OFF = "backing off"
    """It failed, and will be started again in a while."""


LIVE: Final = frozenset({State.HEALTHY, State.UNHEALTHY})
"""States in which it can be used, or may well be."""


class Place(Struct, frozen=True):
    """Where one port of a service is."""

    host: str
    port: int

    def url(self, path: str = "", scheme: str = "http") -> str:
        """Return an address in it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}{path}"


class Status(Struct, frozen=True, kw_only=True):
    """How one replica of a service is, at a moment."""

    service: str
    replica: int
    """Its number, from 0 on."""
    state: State = State.ABSENT
    remark: str = ""
    """What there is to say, for people."""
    done: float | None = None
    """How much of an image is there or built, from 0 to 1; None where that is not known, or nothing is fetched."""
    places: dict[str, Place] = {}
    """Where its ports are, by name, while it runs."""
    container: str = ""
    """The container's id, while there is one."""
    starts: int = 0
    """How often its container was started."""


class Replica:
    """One copy of a service, over all its restarts."""

    def __init__(self, service: str, number: int = 0) -> None:
        self.status = Status(service=service, replica=number)
        self.leases = 0
        """How many use it now."""
        self.path = ""
        """Where its actor is, once it has begun to start."""
        self.last_lines: tuple[str, ...] = ()
        """What the container wrote before it ended, if it ended by itself."""
        self._changed = Event()

    def change(self, state: State | None = None, **fields: object) -> None:
        """Say how it is now. A new state takes the old remark away, and what does not run has no places."""
        if state is not None and state is not self.status.state:
            fields = {"remark": "", "done": None, **fields}
            if state not in LIVE | {State.DRAINING}:
                fields = {"places": {}, **fields}
            fields["state"] = state
        status = replace(self.status, **fields)
        if status != self.status:
            self.status = status
            self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = Event()

    async def changed(self) -> None:
        """Wait until its status, or the number of its leases, changes. Cancelling is safe."""
        await self._changed.wait()

    def place(self, port: str = "") -> Place:
        """Return where a port of it is.

        Args:
            port: Its name; the first one if empty.

        Raises:
            NotRunning: It does not run.
            NoSuchPort: It has no such port.
        """
        places = self.status.places
        if not places:
            raise NotRunning(self.status.service)
        if not port:
            return next(iter(places.values()))
        if port not in places:
            raise NoSuchPort(self.status.service, port, places)
        return places[port]

    def taken(self, change: int) -> None:
        """Count one more that uses it, or one less."""
        self.leases += change
        self._wake()


class Replicas:
    """All copies of a service; each call goes to the one that has the least to do."""

    def __init__(self, service: str, count: int = 1) -> None:
        self.all = tuple(Replica(service, number) for number in range(count))
        self.service = service

    def least_loaded(self) -> Replica:
        """Return the replica that the next call should go to: a healthy one, of these the one with the fewest leases.

        Raises:
            NotRunning: None can be used.
        """
        able = [each for each in self.all if each.status.state in LIVE and each.status.places]
        if not able:
            raise NotRunning(self.service)
        return min(able, key=lambda each: (each.status.state is not State.HEALTHY, each.leases))

    @asynccontextmanager
    async def lease(self, port: str = "", *, wait: float = 0.0) -> AsyncGenerator[Place]:
        """Give the place of the replica with the least to do, which counts as used inside the block.

        Args:
            port: The name of the port; the first one if empty.
            wait: Seconds to wait for a replica that can be used.

        Raises:
            NotRunning: There is none.
            NoSuchPort: It has no such port.
        """
        replica = await self._able(wait)
        place = replica.place(port)
        replica.taken(+1)
        try:
            yield place
        finally:
            replica.taken(-1)

    async def _able(self, wait: float) -> Replica:
        until = current_time() + wait
        while True:
            try:
                return self.least_loaded()
            except NotRunning:
                left = until - current_time()
                if left <= 0:
                    raise
                await any_change(self.all, left)


async def any_change(replicas: Iterable[Replica], patience: float) -> None:
    """Wait until one of some replicas changes, but no longer than `patience` seconds. Cancelling is safe."""
    with move_on_after(patience):
        async with create_task_group() as tasks:

            async def watch(replica: Replica) -> None:
                await replica.changed()
                tasks.cancel_scope.cancel()

            for replica in replicas:
                tasks.start_soon(watch, replica)
