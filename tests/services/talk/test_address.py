import ssl

import pytest
from troupe.services.talk.address import realtime_url, refusal, tls_context


@pytest.mark.parametrize(
    ("given", "completed"),
    [
        ("localhost:8000", "ws://localhost:8000/v1/realtime"),
        ("http://localhost:8000/", "ws://localhost:8000/v1/realtime"),
        ("https://voice.example", "wss://voice.example/v1/realtime"),
        ("ws://[::1]:8000/other?model=m", "ws://[::1]:8000/other?model=m"),
    ],
)
def test_addresses_are_completed(given: str, completed: str) -> None:
    assert realtime_url(given) == completed


@pytest.mark.parametrize("given", ["ftp://nowhere", "ws://", "", "http://[1"])
def test_what_is_none_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"is no address|Invalid IPv6"):
        realtime_url(given)


@pytest.mark.parametrize(
    ("status", "told"), [(None, "WebSocket"), (401, "TROUPE_API_KEY"), (404, "path"), (503, "full"), (418, "418")]
)
def test_a_refusal_says_what_to_do(status: int | None, told: str) -> None:
    assert told in refusal("ws://there/", status)


def test_certificates_are_looked_at_unless_told_otherwise() -> None:
    assert tls_context(insecure=False).verify_mode is ssl.CERT_REQUIRED
    assert tls_context(insecure=True).verify_mode is ssl.CERT_NONE
