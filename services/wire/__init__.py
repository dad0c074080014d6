"""Wire servers: each speaks a provider's protocol on loopback, with answers and faults as a test wants them.

They are for our tests and benchmarks, and for those of our users: bytes and network are real, the provider is not.
``troupe wire openai --port 9999`` starts one by hand, ``with OpenAiWire() as wire:`` in a test. What
can go wrong on the way is in `troupe.services.wire.faults`.
"""

from .exchange import Exchange
from .faults import Close, Cut, Deaf, Drip, End, Fault, Insert, Late, Pace, Refuse, Replace, Reset, Stall
from .server import WireServer

__all__ = [
    "Close",
    "Cut",
    "Deaf",
    "Drip",
    "End",
    "Exchange",
    "Fault",
    "Insert",
    "Late",
    "Pace",
    "Refuse",
    "Replace",
    "Reset",
    "Stall",
    "WireServer",
]
