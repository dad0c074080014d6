"""Who is let in, without a socket and by a clock of the test's own."""

from contextlib import ExitStack
from typing import Any

import pytest
from troupe.actors.realtime.handshake import Handshake
from troupe.actors.realtime.names import Dialect
from troupe.actors.realtime.session_config import RealtimeSession
from troupe.actors.secret import Secret
from troupe.services.gateway.access import Access
from troupe.services.gateway.admission import NOBODY, Admission, Ending
from troupe.services.gateway.limits import Limits
from troupe.services.gateway.refusals import Refusal
from troupe.services.gateway.visits import Visit

HERE = Visit(address="192.0.2.1", local="203.0.113.5", host="voice.example.com")
THERE = Visit(address="192.0.2.2", local="203.0.113.5", host="voice.example.com")


class Door:
    """An admission whose clocks and lag a test sets."""

    def __init__(self, *keys: str, one_use: bool = True, **limits: Any) -> None:
        self.at = 1000.0
        self.lag = 0.0
        self.one_use = one_use
        self.admission = Admission(
            self.access(*keys),
            Limits(**limits),
            model="default",
            lag=lambda: self.lag,
            now=lambda: self.at,
            unix_time=lambda: self.at,
        )
        self.admission.ready = True
        self.inside = ExitStack()

    def access(self, *keys: str) -> Access:
        return Access(tuple(map(Secret, keys)), one_use_secrets=self.one_use)

    def knock(self, key: str | None = None, visit: Visit = HERE, model: str | None = None) -> str:
        """Go in and stay; return why not, or "in"."""
        handshake = Handshake(dialect=Dialect.GA, kind="realtime", model=model, call_id=None, key=key, subprotocol=None)
        try:
            self.ticket = self.inside.enter_context(self.admission.admit(visit, handshake))
        except Refusal as refusal:
            self.refusal = refusal
            return refusal.reason
        return "in"

    def secret(self, key: str | None = None, seconds: int = 600) -> str:
        minter = self.admission.identify(THERE, key)
        return self.admission.secrets.mint(RealtimeSession(model="default"), seconds, minter)[0]


def test_keys() -> None:
    door = Door("one", "two")
    assert [door.knock(key) for key in ("one", "two", "three", "", None)] == ["in", "in", "key", "key", "key"]
    assert (door.refusal.status, door.refusal.code) == (401, None)
    assert door.knock("three") == "key"
    assert (door.refusal.status, door.refusal.code) == (401, "invalid_api_key")
    assert "www-authenticate" in door.refusal.headers()
    assert b"three" not in door.refusal.body()
    assert (door.admission.sessions, door.admission.accepted, door.admission.refused["key"]) == (2, 2, 4)
    door.inside.close()
    assert door.admission.sessions == 0


def test_without_keys_everybody_is_let_in() -> None:
    door = Door()
    assert [door.knock(key) for key in (None, "any")] == ["in", "in"]
    assert door.ticket.key == NOBODY


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ready": False}, "starting"),
        ({"draining": True}, "draining"),
        ({"lag": 0.5}, "lag"),
        ({"full": 1}, "sessions"),
    ],
)
def test_no_room(change: dict[str, Any], reason: str) -> None:
    door = Door("one", max_sessions=1)
    once = door.secret("one")
    if change.pop("full", 0):
        assert door.knock("one") == "in"
    door.lag = change.pop("lag", 0.0)
    for name, value in change.items():
        setattr(door.admission, name, value)
    assert door.knock("one") == reason
    assert (door.refusal.status, int(door.refusal.headers()["retry-after"]) >= 1) == (503, True)
    assert door.knock(once) == reason
    door.inside.close()
    door.lag, door.admission.ready, door.admission.draining = 0, True, False
    assert door.knock(once) == "in", "the refusal has not used the secret up"


def test_quotas_are_each_keys_own() -> None:
    door = Door("one", "two", sessions_per_key=2)
    secret = door.secret("one")
    assert [door.knock("one"), door.knock("one"), door.knock("one")] == ["in", "in", "sessions_per_key"]
    assert door.refusal.status == 429
    assert door.knock(secret) == "sessions_per_key", "those of a key's client secrets count as its own"
    assert door.knock("two") == "in"
    door.inside.close()
    assert door.knock(secret) == "in"


def test_starts_per_minute() -> None:
    door = Door("one", "two", starts_per_minute=3)
    assert [door.knock("one") for _ in range(4)] == ["in", "in", "in", "starts_per_minute"]
    assert door.refusal.headers()["retry-after"] == "20"
    assert door.knock("two") == "in"
    door.at += 20
    assert [door.knock("one") for _ in range(2)] == ["in", "starts_per_minute"]


def test_guessing_is_slow_and_locks_out_nobody_who_was_in_before() -> None:
    door = Door("right", "unused", guesses_per_minute=5)
    assert door.knock("right") == "in"
    reasons = [door.knock(f"guess {number}") for number in range(10_000)]
    assert reasons == ["key"] * 5 + ["guesses"] * 9995
    assert (door.refusal.status, door.refusal.headers()["retry-after"]) == (429, "12")
    assert door.knock("unused") == "guesses", "what is guessed may be right"
    assert door.knock("right") == "in"
    assert door.knock("unused", THERE) == "in"
    door.at += 12
    assert [door.knock("guess"), door.knock("guess")] == ["key", "guesses"]


def test_forged_secrets_are_guesses_and_valid_ones_are_not() -> None:
    door = Door("one", guesses_per_minute=3)
    assert [door.knock(f"ek_{number}") for number in range(5)] == ["secret"] * 3 + ["guesses"] * 2
    assert door.knock(door.secret("one")) == "in"


def test_all_secrets_that_open_nothing_look_like_any_wrong_key() -> None:
    door = Door("one", "two")
    expired, used, revoked = door.secret("one", 10), door.secret("one"), door.secret("two")
    assert door.knock(used) == "in"
    door.admission.use(door.access("one"))
    door.at += 10
    assert door.knock("wrong") == "key"
    wrong = (door.refusal.status, door.refusal.body(), door.refusal.headers())
    for secret in (expired, used, revoked, "ek_forged", expired[:-3]):
        assert door.knock(secret) == "secret"
        assert (door.refusal.status, door.refusal.body(), door.refusal.headers()) == wrong


def test_a_secret_makes_no_secrets() -> None:
    door = Door("one")
    with pytest.raises(Refusal, match="key"):
        door.secret(door.secret("one"))


def test_a_secret_for_many_uses() -> None:
    door = Door("one", one_use=False)
    secret = door.secret("one")
    assert [door.knock(secret) for _ in range(3)] == ["in"] * 3
    assert isinstance(door.ticket.session, RealtimeSession)


def test_revoking_a_key_ends_its_sessions_and_those_of_its_secrets() -> None:
    door, ended = Door("one", "two"), list[tuple[str, Ending]]()
    for name, key in [("one", "one"), ("secret of one", door.secret("one")), ("two", "two")]:
        assert door.knock(key) == "in"
        door.ticket.on_end(lambda ending, name=name: ended.append((name, ending)))
    assert door.admission.use(door.access("two", "three")) == 2
    assert {name for name, _ in ended} == {"one", "secret of one"}
    assert all(ending.code == 3000 and ending.mistake.code == "invalid_api_key" for _, ending in ended)
    assert [door.knock("one"), door.knock("two"), door.knock("three")] == ["key", "in", "in"]


@pytest.mark.parametrize("late", [False, True])
def test_a_session_ends_when_its_time_is_up(*, late: bool) -> None:
    door, ended = Door(session_minutes=30), list[Ending]()
    assert door.knock() == "in"
    ticket = door.ticket
    assert ticket.timeout == 1800
    if late:
        ticket.expire()  # before anything has begun
    ticket.on_end(ended.append)
    ticket.expire()
    ticket.expire()
    assert [(each.mistake.code, each.code) for each in ended] == [("session_expired", 1001)]
    assert ended[0].reason == "Your session hit the maximum duration of 30 minutes."


def test_pages_and_names_come_before_keys() -> None:
    door = Door("one")
    page = Visit(host="voice.example.com", origin="https://evil.example")
    assert door.knock("wrong", page) == "origin"
    assert door.knock("wrong", Visit(local="127.0.0.1", host="evil.example")) == "host"
    with pytest.raises(Refusal, match="origin"):
        door.admission.identify(page, "one")
    assert door.admission.refused["origin"] == 2
