"""Keys are found by what only their holder can give, and nothing that is kept tells of them."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.secret import Secret
from troupe.services.gateway.access import Access, KeyRing
from troupe.services.gateway.limits import Limits

PEPPER = bytes(32)


def ring(*keys: str) -> KeyRing:
    return KeyRing(map(Secret, keys), PEPPER)


def test_known_keys_are_found_under_ids_that_workers_share() -> None:
    keys = ring("one", "two")
    assert keys.required
    assert keys.find("one") == keys.id_of("one") == ring("one").find("one")
    assert keys.find("one") != keys.find("two")
    assert keys.find("one") in keys
    assert keys.find("one") not in ring("two")


@given(key=st.text())
def test_no_other_key_is(key: str) -> None:
    if key != "one":
        assert ring("one").find(key) is None


def test_without_keys_nothing_is_required_and_nothing_found() -> None:
    assert not ring().required
    assert ring().find("") is None


def test_another_server_has_other_ids() -> None:
    assert KeyRing([Secret("one")]).find("one") != KeyRing([Secret("one")]).find("one")


def test_keys_do_not_show_themselves() -> None:
    access = Access((Secret("sk-canary"),), signing_key=Secret("canary" * 8))
    assert "canary" not in repr(access)
    with pytest.raises((TypeError, NotImplementedError)):
        msgspec.json.encode(access)


@pytest.mark.parametrize(
    "wrong", [{"max_sessions": 0}, {"secret_seconds": 5}, {"max_lag": 0}, {"no_such_limit": 1}, {"max_body": "1 MB"}]
)
def test_a_wrong_limit_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wrong, Limits)
    assert msgspec.convert({"sessions_per_key": 3}, Limits) == Limits(sessions_per_key=3)


@pytest.mark.parametrize("name", [*Limits.__struct_fields__, *Access.__struct_fields__])
def test_the_page_for_operators_tells_of_all_of_them(name: str) -> None:
    page = (Path(__file__).parents[3] / "docs" / "operating.md").read_text()
    assert f"`{name}`" in page or f"\n{name} = " in page or f"`{name} = " in page
