"""How often somebody may do something: token buckets, as many as there are keys or addresses, in bounded memory.

A bucket is one number, the time at which it will be full again (GCRA, ITU-T I.371): something is allowed while that
time is no further away than a full burst takes, and puts it one step further. There is no window, so no edge of one at
which twice as much would pass, and no balance that could be negative.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from itertools import islice
from typing import Final

MOST: Final = 32_768
"""Buckets that are kept: 10 MB of them at worst."""
MINUTE: Final = 60.0
INSTANT: Final = 1e-6
"""Seconds that nobody waits: what rounding leaves."""


class TokenBuckets:
    """A token bucket for each key.

    A full bucket is not kept, as a key that is not known has one. Where more than `most` are not full, the one that
    was used the longest ago is forgotten, and its owner gets a full one: nobody is limited because of others.

    Args:
        tokens: Those that a bucket holds, and that flow in during a minute.
        most: Buckets that are kept.
        now: A monotonic clock, in seconds.
    """

    def __init__(self, tokens: float, *, most: int = MOST, now: Callable[[], float] = time.monotonic) -> None:
        self._step = MINUTE / tokens
        self._most = most
        self._now = now
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()  # in the order of their last use

    def __len__(self) -> int:
        return len(self._full_at)

    def wait(self, key: Hashable) -> float:
        """Return the seconds until the key's bucket holds a token, 0 if it does now; takes none."""
        full_at = self._full_at.get(key)
        if full_at is None:
            return 0.0
        wait = full_at + self._step - self._now() - MINUTE
        return wait if wait > INSTANT else 0.0

    def take(self, key: Hashable) -> float:
        """Take a token; return 0, or without taking one the seconds until there is one."""
        wait = self.wait(key)
        if not wait:
            now = self._now()
            self._full_at[key] = max(self._full_at.get(key, now), now) + self._step
            self._full_at.move_to_end(key)
            self._forget(now)
        return wait

    def _forget(self, now: float) -> None:
        """Let go of the buckets that were used the longest ago: of one too many, and of two that are full.

        One that is far from full may stand before full ones; it keeps them for a minute at most.
        """
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        for key in tuple(islice(self._full_at, 2)):
            if self._full_at[key] > now:
                return
            del self._full_at[key]


def neighbourhood(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or the /64 that any user of IPv6 has all of."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed) >> 64 << 64, 64)))
