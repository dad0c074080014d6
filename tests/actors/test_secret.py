"""A key does not show itself."""

import copy
import json
import pickle

import msgspec
import pytest
from troupe.actors.secret import Secret

KEY = "sk-live-4242"


def test_no_text_of_it_has_the_key() -> None:
    secret = Secret(KEY)
    for text in (repr(secret), str(secret), f"{secret}", f"{secret!r:>20}", f"{[secret]}", "%s" % secret):  # noqa: UP031
        assert "4242" not in text
    assert secret.reveal() == KEY


def test_no_encoding_of_it_has_the_key() -> None:
    for encode in (msgspec.json.encode, msgspec.msgpack.encode, json.dumps, pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            encode(Secret(KEY))


def test_equal_keys_are_equal_secrets_and_nothing_else_is() -> None:
    assert Secret(KEY) == Secret(KEY)
    assert hash(Secret(KEY)) == hash(Secret(KEY))
    assert Secret(KEY) != Secret("other")
    assert Secret(KEY) != KEY


def test_an_empty_one_is_none() -> None:
    assert Secret(KEY)
    assert not Secret("")


def test_the_end_of_a_line_is_no_part_of_a_key() -> None:
    assert Secret(f" {KEY}\r\n") == Secret(KEY)


@pytest.mark.parametrize("key", ["sk-…4242", "sk 4242", "sk-\n4242", "sk-4242\x7f"])
def test_what_can_not_be_sent_is_refused_and_not_repeated(key: str) -> None:
    with pytest.raises(ValueError, match="visible ASCII") as caught:
        Secret(key)
    assert "4242" not in str(caught.value)
