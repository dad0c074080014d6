"""Addresses are checked before anything is sent to them."""

import pytest
from troupe.actors.endpoint import HttpEndpoint
from troupe.actors.providers.openai.endpoint import KNOWN, endpoint
from troupe.actors.secret import Secret


@pytest.mark.parametrize("name", KNOWN)
def test_every_known_server_has_an_address(name: str) -> None:
    known = endpoint(name)
    assert known.provider == name
    assert known.url("/models").endswith("/v1/models")


def test_an_address_of_ones_own_goes_before_the_usual_one() -> None:
    assert endpoint("openai", base_url="http://127.0.0.1:9/v1/").url("/models") == "http://127.0.0.1:9/v1/models"
    assert endpoint("mine", base_url="http://127.0.0.1:9").url("/models") == "http://127.0.0.1:9/models"


def test_a_name_that_is_not_known_needs_an_address() -> None:
    with pytest.raises(ValueError, match=r"where is 'mine'\? Give its base_url, or use one of openai, openrouter"):
        endpoint("mine")


@pytest.mark.parametrize("address", ["", "api.openai.com/v1", "ftp://host/v1", "http:///v1"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="base_url has to be like https:"):
        HttpEndpoint(provider="x", base_url=address)


@pytest.mark.parametrize(
    "address", ["https://me:sk-1@host/v1", "https://sk-1@host/v1", "https://host/v1?key=sk-1", "https://host/v1#sk-1"]
)
def test_a_secret_in_an_address_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(ValueError, match="use key=") as caught:
        HttpEndpoint(provider="x", base_url=address)
    assert "sk-1" not in str(caught.value)


def test_nothing_that_is_printed_has_the_key() -> None:
    assert "sk-1" not in repr(endpoint("openai", key=Secret("sk-1")))


@pytest.mark.parametrize("value", ["a\r\nb: c", "…", "\x00"])
def test_a_header_that_can_not_be_sent_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="the header X-Title consists of printable ASCII"):
        HttpEndpoint(provider="x", base_url="http://host/v1", headers={"X-Title": value})
