"""The actor runtime: typed messages, bounded mailboxes, supervision, on asyncio and trio.

What one needs every day is here. Errors are in `troupe.runtime.errors`, events in `troupe.runtime.events`, exit reasons
in `troupe.runtime.exits`; `troupe.runtime.testing` has the virtual clock and the fault injector.
"""

from .actor import Actor, Context
from .call import Duplex, Receiver, Sender
from .cell import Down
from .channel import Channel, Overflow
from .exits import Exit
from .messages import DuplexRequest, Message, Request, StreamRequest
from .program import run
from .ref import Ref
from .restart import NO_BACKOFF, Backoff, Restart
from .specs import AutoShutdown, Strategy, child, supervisor
from .supervision import Supervisor
from .system import System, open_system

__all__ = [
    "NO_BACKOFF",
    "Actor",
    "AutoShutdown",
    "Backoff",
    "Channel",
    "Context",
    "Down",
    "Duplex",
    "DuplexRequest",
    "Exit",
    "Message",
    "Overflow",
    "Receiver",
    "Ref",
    "Request",
    "Restart",
    "Sender",
    "Strategy",
    "StreamRequest",
    "Supervisor",
    "System",
    "child",
    "open_system",
    "run",
    "supervisor",
]
