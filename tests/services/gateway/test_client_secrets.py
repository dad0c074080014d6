"""Client secrets as tokens: what is inside, and that nothing but a valid one opens anything."""

import base64
import string
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.realtime.errors import ClientMistake
from troupe.actors.realtime.session_config import RealtimeSession, Session, TranscriptionSession
from troupe.services.gateway.access import KeyId
from troupe.services.gateway.client_secrets import (
    LONGEST,
    ClientSecrets,
    ForgedSecret,
    Grant,
    InvalidSecret,
    is_client_secret,
)
from troupe.services.gateway.spent import SpentTable

MINTER = KeyId(b"m" * 16)
KEY = b"k" * 32


class Clock:
    at = 1_700_000_000.5

    def __call__(self) -> float:
        return self.at


def secrets(key: bytes = KEY, *, once: bool = True, clock: Clock | None = None) -> ClientSecrets:
    return ClientSecrets(key, "default", SpentTable() if once else None, now=clock or Clock())


def redeem(of: ClientSecrets, value: str, model: str | None = None) -> Grant:
    grant = of.read(value, model=model)
    of.claim(grant)
    return grant


def mint(of: ClientSecrets, session: Session | None = None) -> str:
    return of.mint(session or RealtimeSession(model="default"), 600, MINTER)[0]


@pytest.mark.parametrize(
    "session",
    [
        RealtimeSession(model="gpt-realtime", instructions="Speak like a pirate. Ünïcode, too: 🏴"),
        TranscriptionSession(),
    ],
)
def test_it_carries_the_configuration_and_whose_it_is(session: Session) -> None:
    these = secrets()
    value, expires_at = these.mint(session, 60, MINTER)
    assert is_client_secret(value)
    assert set(value) <= {*string.ascii_letters, *string.digits, "_", "-"}, "it has to fit into a subprotocol"
    assert expires_at == 1_700_000_060
    grant = redeem(these, value)
    assert (grant.session, grant.minter) == (session, MINTER)


def test_it_opens_once_or_as_configured_until_it_expires() -> None:
    once, often = secrets(), secrets(once=False)
    value = mint(once)
    redeem(once, value)
    with pytest.raises(InvalidSecret):
        redeem(once, value)
    value = mint(often)
    assert len({redeem(often, value).session.id for _ in range(3)}) == 3


@pytest.mark.parametrize("once", [True, False])
def test_it_expires(*, once: bool) -> None:
    clock = Clock()
    these = secrets(once=once, clock=clock)
    value, in_time = mint(these), mint(these)
    clock.at += 599
    redeem(these, in_time)
    clock.at += 1
    with pytest.raises(InvalidSecret):
        redeem(these, value)


def test_servers_that_share_the_key_accept_it_and_no_others() -> None:
    value = mint(secrets())
    with pytest.raises(InvalidSecret):
        redeem(secrets(b"K" * 32), value)
    assert redeem(secrets(), value).minter == MINTER


def test_the_model_is_the_one_it_was_made_for() -> None:
    these = secrets()
    value = mint(these, RealtimeSession(model="gpt-realtime-mini"))
    with pytest.raises(InvalidSecret):
        redeem(these, value, model="gpt-realtime")
    assert redeem(these, value, model="gpt-realtime-mini").session.model == "gpt-realtime-mini"
    assert redeem(these, mint(these), model="any").session.model == "any", "a secret that names none leaves it open"


def test_no_changed_secret_opens_anything() -> None:
    these, random = secrets(once=False), Random(3)
    value = mint(these, RealtimeSession(model="default", instructions="Be brief."))
    token = base64.urlsafe_b64decode(value[3:] + "=" * (-(len(value) - 3) % 4))
    for position in range(len(token)):
        changed = bytearray(token)
        changed[position] ^= 1 << random.randrange(8)
        with pytest.raises(ForgedSecret):
            redeem(these, "ek_" + base64.urlsafe_b64encode(changed).rstrip(b"=").decode())
    for end in range(len(value)):
        with pytest.raises(ForgedSecret):
            redeem(these, value[:end])


@given(guess=st.text() | st.binary(max_size=300).map(lambda raw: base64.urlsafe_b64encode(raw).decode()))
def test_no_guess_opens_anything(guess: str) -> None:
    with pytest.raises(ForgedSecret):
        redeem(secrets(), "ek_" + guess)


def test_a_configuration_that_does_not_fit_is_refused() -> None:
    noise = "".join(Random(4).choices(string.printable, k=LONGEST))
    with pytest.raises(ClientMistake, match="string_above_max_length"):
        mint(secrets(), RealtimeSession(model="default", instructions=noise))
    assert len(mint(secrets(), RealtimeSession(model="default", instructions=noise[: LONGEST // 2]))) <= LONGEST


def test_the_servers_own_long_instructions_take_no_room() -> None:
    noise = "".join(Random(6).choices(string.printable, k=3 * LONGEST))
    opening, these, others = RealtimeSession(model="default", instructions=noise), secrets(), secrets()
    these.begin_with(opening)
    value = mint(these, opening)
    assert len(value) < 400
    with pytest.raises(InvalidSecret):
        redeem(others, value)
    assert redeem(these, value).session == opening
