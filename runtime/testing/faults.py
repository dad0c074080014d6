"""Faults on purpose: crashes, hangs, delays and lost messages in actors that know nothing of it."""

from collections import deque
from collections.abc import Callable
from dataclasses import replace
from enum import Enum
from random import Random
from typing import Any, cast

from anyio import sleep, sleep_forever

from ..actor import Actor
from ..errors import RuntimeFault
from ..handlers import Handler, Kind
from ..specs import ActorSpec


class Fault(Enum):
    """What happens to a message in place of being handled."""

    CRASH = "crash"
    """The actor crashes with `InjectedCrash`: its callers get `ActorDied`, its supervisor decides."""
    HANG = "hang"
    """The handler never answers; it goes when its call is cancelled or its deadline passes."""
    SLOW = "slow"
    """The handler runs, but `Faults.delay` seconds later."""
    DROP = "drop"
    """The message is lost: a tell is not handled, a call is not answered."""


class InjectedCrash(RuntimeFault):
    """The crash that `Fault.CRASH` makes."""


class Faults:
    """Decides which messages meet with a fault: the next ones, as told, and otherwise by chance.

    ::

        faults = Faults(seed=7, crash=0.01, slow=0.1)
        async with open_system(faults.into(child(Worker, name="worker"))) as system:
            faults.next(Fault.HANG)
            ...

    The same seed decides the same in every run of the same schedule.

    Args:
        seed: Of the chances.
        crash: Chance that a message crashes the actor, 0 to 1.
        hang: Chance that it is never answered.
        slow: Chance that it is delayed.
        drop: Chance that it is lost.
        delay: Seconds that slow ones are delayed.
    """

    def __init__(
        self,
        *,
        seed: int = 0,
        crash: float = 0.0,
        hang: float = 0.0,
        slow: float = 0.0,
        drop: float = 0.0,
        delay: float = 1.0,
    ) -> None:
        self._chances = {Fault.CRASH: crash, Fault.HANG: hang, Fault.SLOW: slow, Fault.DROP: drop}
        if min(self._chances.values()) < 0 or sum(self._chances.values()) > 1:
            raise ValueError("chances are at least 0, and together at most 1")
        self.delay = delay
        self.injected: list[Fault] = []
        """What happened, in order."""
        self._random = Random(seed)
        self._next: deque[Fault | None] = deque()

    def next(self, *faults: Fault | None) -> None:
        """Say what the next messages meet with, one each; None lets one pass."""
        self._next.extend(faults)

    def into(self, spec: ActorSpec) -> ActorSpec:
        """Return the specification with faults injected into its handlers; the actor's own class stays as it is."""
        faulty = cast("type[Actor]", type(spec.actor.__name__, (spec.actor,), {}))
        faulty._handlers = {  # pyright: ignore[reportPrivateUsage]
            message: Handler(self._injected(handler), handler.kind, waits=True)
            for message, handler in spec.actor.handlers().items()
        }
        return replace(spec, actor=faulty)

    def _draw(self) -> Fault | None:
        if self._next:
            return self._next.popleft()
        point = self._random.random()
        for fault, chance in self._chances.items():
            if point < chance:
                return fault
            point -= chance
        return None

    def _injected(self, handler: Handler) -> Callable[..., Any]:
        async def handle(actor: Actor, *arguments: Any) -> Any:
            fault = self._draw()
            if fault is not None:
                self.injected.append(fault)
            match fault:
                case Fault.CRASH:
                    crash = InjectedCrash("injected")
                    actor.context.crash(crash)
                    raise crash
                case Fault.HANG:
                    await sleep_forever()
                case Fault.DROP if handler.kind is Kind.TELL:
                    return None
                case Fault.DROP:
                    await sleep_forever()
                case Fault.SLOW:
                    await sleep(self.delay)
                case None:
                    pass
            result = handler.function(actor, *arguments)
            return await result if handler.waits else result

        return handle
