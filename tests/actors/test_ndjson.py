"""Lines of JSON come out the same however they are cut."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from troupe.actors.ndjson import LineTooLong, NdjsonDecoder

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=5,
)


def decode(*chunks: bytes, limit: int = 1000) -> list[bytes]:
    decoder = NdjsonDecoder(limit)
    return [line for chunk in chunks for line in decoder.push(chunk)] + decoder.finish()


@given(values=st.lists(VALUES, max_size=6), ending=st.sampled_from([b"\n", b"\r\n", b"\n\n"]), last=st.booleans())
def test_values_survive_every_cut(values: list[object], ending: bytes, last: bool) -> None:
    stream = ending.join(json.encode(value) for value in values) + (ending if last else b"")
    whole = decode(stream)
    assert [json.decode(line) for line in whole] == values
    assert decode(*(bytes([byte]) for byte in stream)) == whole
    for place in range(len(stream) + 1):
        assert decode(stream[:place], stream[place:]) == whole


def test_only_a_line_feed_ends_a_line() -> None:
    assert decode(b'{"a":\r1}\n') == [b'{"a":\r1}']


def test_empty_lines_are_left_out() -> None:
    assert decode(b"\n \r\n1\n\n2") == [b"1", b"2"]


def test_finish_gives_the_last_line_once() -> None:
    decoder = NdjsonDecoder()
    assert decoder.push(b"1\n2") == [b"1"]
    assert decoder.finish() == [b"2"]
    assert decoder.finish() == []


@given(stream=st.text("ab\n", max_size=20), limit=st.integers(1, 5), cuts=st.sets(st.integers(1, 20)))
def test_the_limit_holds_alike_however_the_stream_is_cut(stream: str, limit: int, cuts: set[int]) -> None:
    data = stream.encode()
    places = sorted(place for place in cuts if place < len(data))

    def outcome(chunks: list[bytes]) -> list[bytes] | None:
        try:
            return decode(*chunks, limit=limit)
        except LineTooLong:
            return None

    assert outcome([data[a:b] for a, b in pairwise([0, *places, len(data)])]) == outcome([data])


def test_the_text_of_the_error_names_the_limit() -> None:
    with pytest.raises(LineTooLong, match="5 bytes"):
        decode(b"123456", limit=5)
