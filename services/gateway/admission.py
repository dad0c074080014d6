"""Who may come in, decided before a connection is upgraded: no task, no session, no memory but counters until then.

Sans-I/O: an `Admission` is asked by whatever server has read the head of a request, and answers with a `Ticket` or with
a `Refusal`. It looks at the cheap and general first and at what is used up thereby last, so that a client secret for
one use still opens a session after a refusal for want of room.
"""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from msgspec import Struct
from msgspec.structs import replace
from websockets.frames import CloseCode

from ...actors.realtime.client_secrets import NO_WISHES, Wanted
from ...actors.realtime.errors import ClientMistake, session_expired, wrong_key
from ...actors.realtime.handshake import Handshake
from ...actors.realtime.session_config import Session
from ...actors.secret import Secret
from . import refusals
from .access import Access, KeyId, KeyRing
from .client_secrets import ClientSecrets, ForgedSecret, Grant, InvalidSecret, is_client_secret
from .limits import Limits
from .origins import OriginPolicy
from .quotas import TokenBuckets, neighbourhood
from .refusals import Reason
from .shared import Shared
from .visits import Visit

NOBODY: Final = KeyId(bytes(16))
"""Whose sessions and secrets those of a server without keys are."""
REMEMBERED: Final = 4096
"""Addresses with right keys that wrong keys from the same address can't lock out."""


class Ending(Struct, frozen=True):
    """Why the server ends a session that would go on."""

    mistake: ClientMistake
    """What the client is told in an error event."""
    code: int
    """What its connection is closed with."""
    reason: str


class Ticket:
    """A session's place, from its admission to its end.

    It is something with a deadline, that of the session: see `troupe.runtime.deadlines`.

    Args:
        key: The API key whose session this is.
        limits: Those that the session is under.
        session: What a client secret says that it begins with.
        providers: Who that says is to take part in it.
    """

    __slots__ = ("_end", "_ending", "_limits", "key", "providers", "session", "timeout")

    def __init__(self, key: KeyId, limits: Limits, session: Session | None, providers: Wanted = NO_WISHES) -> None:
        self.key = key
        self.session = session
        self.providers = providers
        self.timeout = limits.session_minutes * 60
        """Seconds that the session may last."""
        self._limits = limits
        self._end: Callable[[Ending], None] | None = None
        self._ending: Ending | None = None

    def started(self, session: Session) -> Session:
        """Return a session's configuration with the time at which it ends."""
        return replace(session, expires_at=int(time.time() + self.timeout))

    def on_end(self, end: Callable[[Ending], None]) -> None:
        """Say what to do when the server ends the session; it is done at once, if that was before."""
        self._end = end
        if self._ending is not None:
            end(self._ending)

    def end(self, ending: Ending) -> None:
        """End the session. A second end changes nothing."""
        if self._ending is None:
            self._ending = ending
            if self._end is not None:
                self._end(ending)

    def expire(self) -> None:
        """The session has lasted as long as it may."""
        mistake = session_expired(round(self._limits.session_minutes))
        self.end(Ending(mistake, CloseCode.GOING_AWAY, mistake.message))


class Admission:
    """The door.

    Args:
        access: Who may come in.
        limits: How many, how often, how long.
        model: That of sessions for which nobody names one.
        shared: What other workers have, too.
        lag: Says by how many seconds the event loop is late.
        now: A monotonic clock, in seconds.
        unix_time: The time, in seconds.
    """

    def __init__(
        self,
        access: Access,
        limits: Limits,
        *,
        model: str,
        shared: Shared | None = None,
        lag: Callable[[], float] = float,
        now: Callable[[], float] = time.monotonic,
        unix_time: Callable[[], float] = time.time,
    ) -> None:
        shared = shared or Shared.of(access)
        self.ready = False
        """Whether there is anything behind the door."""
        self.draining = False
        """Whether nobody is let in any more."""
        self.refused: Counter[Reason] = Counter()
        """How often, and why."""
        self.accepted = 0
        """Sessions that were let in."""
        self._limits = limits
        self._lag = lag
        self._pepper = shared.signing_key[:64]
        self.secrets = ClientSecrets(
            shared.signing_key, model, shared.spent if access.one_use_secrets else None, now=unix_time
        )
        self._guesses = TokenBuckets(limits.guesses_per_minute, now=now)
        self._starts = TokenBuckets(limits.starts_per_minute or 1, now=now)
        self._welcome: OrderedDict[tuple[str, KeyId], None] = OrderedDict()
        self._tickets: set[Ticket] = set()
        self._of_key: Counter[KeyId] = Counter()
        self._further: tuple[Secret, ...] = ()
        self.use(access)

    def use(self, access: Access) -> int:
        """From now on let in who `access` says; end the sessions of keys that are gone, and say how many those were."""
        self._access = access
        self._origins = OriginPolicy(access.allowed_origins, access.allowed_hosts)
        return self.use_keys(self._further)

    def use_keys(self, keys: tuple[Secret, ...]) -> int:
        """The same for the keys alone that there are beside those of `Access.api_keys`."""
        self._further = keys
        required = True if self._access.keys_file else None
        self._keys = KeyRing((*self._access.api_keys, *keys), self._pepper, required=required)
        revoked = [ticket for ticket in self._tickets if not self._is_valid(ticket.key)]
        mistake = wrong_key()
        for ticket in revoked:
            ticket.end(Ending(mistake, mistake.close_code, mistake.close_reason))
        return len(revoked)

    @property
    def sessions(self) -> int:
        """Those that are open."""
        return len(self._tickets)

    def identify(self, visit: Visit, key: str | None) -> KeyId:
        """Return whose API key somebody has given.

        Raises:
            Refusal: Nobody's; client secrets are none.
        """
        with self._counting():
            self._origins.check(visit)
            return self._identified(visit, key)

    @contextmanager
    def admit(self, visit: Visit, handshake: Handshake) -> Generator[Ticket]:
        """Let in a client that asks for a session; its place is free again when the block ends.

        Raises:
            Refusal: It may not come in, or not now.
        """
        with self._counting():
            ticket = self._admitted(visit, handshake)
        self.accepted += 1
        self._tickets.add(ticket)
        self._of_key[ticket.key] += 1
        try:
            yield ticket
        finally:
            self._tickets.discard(ticket)
            self._of_key[ticket.key] -= 1
            if not self._of_key[ticket.key]:
                del self._of_key[ticket.key]

    def _admitted(self, visit: Visit, handshake: Handshake) -> Ticket:
        self._origins.check(visit)
        self._check_room()
        grant = self._granted(visit, handshake)
        key = grant.minter if grant else self._identified(visit, handshake.key)
        self._charge(key)
        if grant is None:
            return Ticket(key, self._limits, None)
        try:
            self.secrets.claim(grant)
        except InvalidSecret:
            raise refusals.secret_invalid() from None
        return Ticket(key, self._limits, grant.session, grant.providers)

    def _check_room(self) -> None:
        if not self.ready:
            raise refusals.starting()
        if self.draining:
            raise refusals.draining()
        if len(self._tickets) >= self._limits.max_sessions:
            raise refusals.full()
        if self._lag() > self._limits.max_lag:
            raise refusals.overloaded()

    def _granted(self, visit: Visit, handshake: Handshake) -> Grant | None:
        """Return what the client's secret stands for, if it is one that it has given."""
        if handshake.key is None or not is_client_secret(handshake.key):
            return None
        try:
            grant = self.secrets.read(handshake.key, model=handshake.model)
        except ForgedSecret:
            self._count_guess(visit)
            raise refusals.secret_invalid() from None
        except InvalidSecret:
            raise refusals.secret_invalid() from None
        if not self._is_valid(grant.minter):
            raise refusals.secret_invalid()
        return grant

    def _identified(self, visit: Visit, key: str | None) -> KeyId:
        if not self._keys.required:
            return NOBODY
        if not key:
            raise refusals.key_missing()
        place, found = neighbourhood(visit.address), self._keys.find(key)
        known = found is not None and (place, found) in self._welcome
        if not known and (wait := self._guesses.wait(place)):
            raise refusals.too_many_guesses(wait)  # be the key right or wrong: else guessing would go on at full speed
        if found is None:
            self._count_guess(visit)
            raise refusals.key_unknown()
        self._welcome[place, found] = None
        self._welcome.move_to_end((place, found))
        if len(self._welcome) > REMEMBERED:
            self._welcome.popitem(last=False)
        return found

    def _count_guess(self, visit: Visit) -> None:
        if wait := self._guesses.take(neighbourhood(visit.address)):
            raise refusals.too_many_guesses(wait)

    def _charge(self, key: KeyId) -> None:
        limits = self._limits
        if limits.sessions_per_key is not None and self._of_key[key] >= limits.sessions_per_key:
            raise refusals.too_many_sessions_of_key(limits.sessions_per_key)
        if limits.starts_per_minute is not None and (wait := self._starts.take(key)):
            raise refusals.too_many_starts(limits.starts_per_minute, wait)

    def _is_valid(self, key: KeyId) -> bool:
        return key in self._keys if self._keys.required else True

    @contextmanager
    def _counting(self) -> Generator[None]:
        try:
            yield
        except refusals.Refusal as refusal:
            self.refused[refusal.reason] += 1
            raise
