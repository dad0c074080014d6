"""Pages and names that may use the server, and those that may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.services.gateway.origins import OriginPolicy, is_loopback
from troupe.services.gateway.refusals import Refusal
from troupe.services.gateway.visits import Visit, read_visit

APP = "https://app.example.com"
OUTSIDE, INSIDE = "203.0.113.5", "127.0.0.1"


def refused(visit: Visit, origins: tuple[str, ...] = (APP,), hosts: tuple[str, ...] = ()) -> str | None:
    try:
        OriginPolicy(origins, hosts).check(visit)
    except Refusal as refusal:
        return refusal.reason if refusal.status == 403 else "with another status"
    return None


def page(origin: str, host: str = "voice.example.com", local: str = OUTSIDE) -> Visit:
    return Visit(local=local, host=host, origin=origin)


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        (APP, "voice.example.com"),
        ("https://voice.example.com", "voice.example.com"),
        ("https://voice.example.com:443", "voice.example.com"),
        ("https://voice.example.com", "Voice.Example.Com:443"),
        ("http://voice.example.com:8000", "voice.example.com:8000"),
        ("http://localhost:5173", "voice.example.com"),
        ("http://127.0.0.1:5173", "voice.example.com"),
        ("http://[::1]:5173", "voice.example.com"),
        ("http://playground.localhost", "voice.example.com"),
    ],
)
def test_pages_that_may(origin: str, host: str) -> None:
    assert refused(page(origin, host)) is None


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://evil-example.com",
        "https://evil-app.example.com",
        "https://app.example.com.evil.com",
        "https://app.example.com:8443",
        "http://app.example.com",
        "https://app.example.com/path",
        "https://user@app.example.com",
        "https://app.example.com https://evil.com",
        "https://localhost.evil.com",
        "https://127.0.0.1.evil.com",
        "https://voice.example.com@evil.com",
        "https://voice.example.com:444",
        "file://",
        "chrome-extension://abcdef",
    ],
)
def test_pages_that_may_not(origin: str) -> None:
    assert refused(page(origin)) == "origin"
    assert refused(page(origin), origins=("*",)) is None


@pytest.mark.parametrize(
    ("host", "local", "known"),
    [
        ("localhost:8000", INSIDE, True),
        ("127.0.0.1:8000", INSIDE, True),
        ("[::1]:8000", "::1", True),
        ("localhost", "::ffff:127.0.0.1", True),
        ("rebound.evil.com", INSIDE, False),
        ("rebound.evil.com:8000", "::1", False),
        ("voice.example.com", OUTSIDE, True),
        ("voice.example.com/?#", OUTSIDE, False),
        ("voice.example.com/healthz?", OUTSIDE, False),
        ("user@voice.example.com", OUTSIDE, False),
        ("voice.example.com:port", OUTSIDE, False),
        ("voice.example.com voice.example.com", OUTSIDE, False),
        ("", OUTSIDE, False),
    ],
)
def test_names_of_the_server(host: str, local: str, *, known: bool) -> None:
    assert (refused(Visit(local=local, host=host)) is None) == known


def test_names_that_the_operator_has_listed() -> None:
    hosts = ("voice.example.com",)
    for local in (INSIDE, OUTSIDE):
        assert refused(Visit(local=local, host="voice.example.com:443"), hosts=hosts) is None
        assert refused(Visit(local=local, host="other.example.com"), hosts=hosts) == "host"
        assert refused(Visit(local=local, host="other.example.com"), hosts=("*",)) is None
    assert refused(Visit(local=INSIDE, host="localhost"), hosts=hosts) is None


def test_two_hosts_or_two_origins_are_none() -> None:
    scope = {"server": (OUTSIDE, 443)}
    hosts, origins = [(b"host", b"a.com")], [(b"origin", APP.encode())]
    assert refused(read_visit({**scope, "headers": hosts + origins})) is None
    assert refused(read_visit({**scope, "headers": hosts * 2})) == "host"
    assert refused(read_visit({**scope, "headers": []})) == "host"
    assert refused(read_visit({**scope, "headers": hosts + origins * 2})) == "origin"


@pytest.mark.parametrize(
    ("site", "mode", "passes"),
    [
        (None, None, True),
        ("same-origin", "cors", True),
        ("none", "navigate", True),
        ("cross-site", "navigate", True),
        ("cross-site", "no-cors", False),
        ("cross-site", "websocket", False),
    ],
)
def test_requests_without_an_origin(site: str | None, mode: str | None, *, passes: bool) -> None:
    visit = Visit(local=INSIDE, host="localhost", fetch_site=site, fetch_mode=mode)
    assert (refused(visit) is None) == passes


@given(origin=st.text(), host=st.text())
def test_whatever_is_sent_is_decided(origin: str, host: str) -> None:
    reason = refused(Visit(local=INSIDE, host=host, origin=origin), origins=())
    if reason is None:
        assert is_loopback(origin.lower().partition("://")[2].rsplit(":", 1)[0]) or host.lower() in origin.lower()


def test_a_visit_is_read_from_the_scope_alone() -> None:
    headers = [(b"Host", b"a"), (b"origin", b"\xff"), (b"sec-fetch-site", b"cross-site")]
    visit = read_visit({"headers": headers, "client": ("192.0.2.1", 5), "server": ("127.0.0.1", 80)})
    assert visit == Visit(address="192.0.2.1", local="127.0.0.1", host="a", origin="ÿ", fetch_site="cross-site")
    assert read_visit({"headers": [], "client": None, "server": ("/run/troupe.sock", None)}).address == ""
