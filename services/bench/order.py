"""What is to be measured, and with which load."""

from urllib.parse import urlencode, urlsplit

from msgspec import Struct

from ..talk.address import realtime_url
from .client import Address
from .events import Setup
from .peers.wires import WireName
from .script import Plan
from .worker import Workload


class LoadFailed(Exception):
    """The server can't be measured; the text says why, and what to do."""


class Order(Struct, frozen=True, kw_only=True):
    """What is to be measured."""

    url: str
    name: str = ""
    """Of the server, for reports; its address if empty."""
    model: str = "troupe"
    """Asked for, unless the address has a query of its own."""
    key: str = ""
    insecure: bool = False
    workload: Workload = "turns"
    wire: WireName = "realtime"
    """The protocol that the server speaks."""
    seconds: float = 30.0
    """Of measurement, with each number of sessions."""
    warm_up: float = 5.0
    setup: Setup = Setup()
    plan: Plan = Plan()
    probes: bool = True
    """Whether each session asks something every second that is answered at once."""
    processes: int = 1
    """For the load; another one is added when they are too slow, if there is a processor for it."""
    pid: int | None = None
    """Of the server; looked for by its port, if it is on this machine and none is given."""
    seed: int = 1

    def address(self) -> Address:
        """Return where the server is.

        Raises:
            ValueError: The address is none.
        """
        parts = urlsplit(realtime_url(self.url))
        tls = parts.scheme == "wss"
        return Address(
            host=parts.hostname or "",
            port=parts.port or (443 if tls else 80),
            path=f"{parts.path}?{parts.query or urlencode({'model': self.model})}",
            tls=tls,
            insecure=self.insecure,
            key=self.key,
        )

    def settings(self) -> dict[str, str]:
        """Return what one has to know to repeat it, without what is secret."""
        address = self.address()
        told = {
            "server": f"{'wss' if address.tls else 'ws'}://{address.host}:{address.port}{address.path.partition('?')[0]}",
            "measured": f"{self.seconds:g} s after {self.warm_up:g} s",
            "silence that ends a turn": f"{self.setup.silence:g} s",
        }
        if self.workload == "turns":
            plan = self.plan
            told["turns"] = f"{plan.pause:g} s of listening after each"
            if plan.interrupt_every:
                told["interruptions"] = f"each turn {plan.interrupt_every}, {plan.interrupt_after:g} s after the last"
        return told
