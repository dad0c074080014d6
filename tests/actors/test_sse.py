"""Event streams come out the same however they are cut, and as the standard says."""

from collections.abc import Iterator
from itertools import combinations, pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from troupe.actors.sse import EventTooLong, SseDecoder, SseEvent


def decode(*chunks: bytes) -> list[SseEvent]:
    decoder = SseDecoder()
    return [event for chunk in chunks for event in decoder.push(chunk)]


def interpret(stream: bytes) -> list[SseEvent]:
    """The standard's algorithm, on the whole stream at once."""
    lines = stream.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")[:-1]
    events, data, kind, latest = [], b"", "", ""
    for line in lines:
        if line == b"":
            if data:
                events.append(SseEvent(data[:-1], kind or "message", latest))
            data, kind = b"", ""
            continue
        field, colon, value = line.partition(b":")
        value = value[1:] if value[:1] == b" " else value
        if not field and colon:
            continue
        if field == b"data":
            data += value + b"\n"
        elif field == b"event":
            kind = value.decode("utf-8", "replace")
        elif field == b"id" and b"\0" not in value:
            latest = value.decode("utf-8", "replace")
    return events


def cut_at(stream: bytes, places: tuple[int, ...]) -> list[bytes]:
    return [stream[start:stop] for start, stop in pairwise((0, *places, len(stream)))]


def all_cuts(stream: bytes) -> Iterator[list[bytes]]:
    for number in range(len(stream)):
        for places in combinations(range(1, len(stream)), number):
            yield cut_at(stream, places)


LINES = st.sampled_from(
    [
        *(b"data: a", b"data:b", b"data", b"data:  c", b"event: e", b"event", b"id: 7", b"id", b"id: \0", b"retry: 1"),
        *(b": note", b":", b"", b"dat", b"data: \xc3\xa4\xe2\x82\xac\xf0\x9f\x8e\xad", b"unknown: x", b" data: y"),
    ]
)
STREAMS = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r", b"\r\n"])), max_size=8).map(
    lambda lines: b"".join(line + end for line, end in lines)
) | st.text(st.sampled_from("data:e id\r\n\ufeffä€"), max_size=30).map(str.encode)


@given(stream=STREAMS, data=st.data())
@example(stream=b"\xef\xbb\xbfdata: x\r\n\r\n", data=None)
def test_any_stream_in_any_pieces_is_what_the_standard_says(stream: bytes, data: st.DataObject | None) -> None:
    expected = interpret(stream)
    assert decode(stream) == expected
    assert decode(*(bytes([byte]) for byte in stream)) == expected
    for place in range(len(stream) + 1):
        assert decode(stream[:place], b"", stream[place:]) == expected
    if data is not None:
        places = data.draw(st.sets(st.integers(0, len(stream))))
        assert decode(*cut_at(stream, tuple(sorted(places)))) == expected


@pytest.mark.parametrize(
    "stream",
    [
        b"data: \xe2\x82\xac\r\n\r\n",
        b"\xef\xbb\xbfdata:a\n\n",
        b"data:a\r\rdata:b\r\n\n",
        b"event:x\rdata:a\n\r",
        b":\ndata:a\ndata\n\n",
    ],
)
def test_every_way_to_cut_a_short_stream_gives_the_same(stream: bytes) -> None:
    expected = interpret(stream)
    assert expected
    assert all(decode(*chunks) == expected for chunks in all_cuts(stream))


def test_fields_of_an_event() -> None:
    (event,) = decode(b"event: delta\nid: 7\ndata: one\ndata:two\ndata\nretry: 10\n: note\n\n")
    assert event == SseEvent(b"one\ntwo\n", "delta", "7")


def test_the_id_stays_and_the_type_does_not() -> None:
    first, second = decode(b"id: 7\nevent: a\ndata: 1\n\ndata: 2\n\n")
    assert (first.type, first.id) == ("a", "7")
    assert (second.type, second.id) == ("message", "7")


def test_an_event_that_no_empty_line_ended_is_pending_and_does_not_come_out() -> None:
    decoder = SseDecoder()
    assert len(decoder.push(b"data: 1\n\n")) == 1
    assert not decoder.pending
    assert decoder.push(b"data: [DO") == []
    assert decoder.pending


def test_a_broken_character_is_the_json_decoders_business() -> None:
    assert decode(b"data: \xff\xc3\n\n")[0].data == b"\xff\xc3"
    assert decode(b"event: \xff\ndata: 1\n\n")[0].type == "\ufffd"


@given(stream=STREAMS, limit=st.integers(1, 12), cuts=st.sets(st.integers(1, 40)))
def test_the_limit_holds_alike_however_the_stream_is_cut(stream: bytes, limit: int, cuts: set[int]) -> None:
    def outcome(chunks: list[bytes]) -> list[SseEvent] | None:
        decoder = SseDecoder(limit)
        try:
            return [event for chunk in chunks for event in decoder.push(chunk)]
        except EventTooLong:
            return None

    places = tuple(sorted(place for place in cuts if place < len(stream)))
    assert outcome(cut_at(stream, places)) == outcome([stream])


def test_a_line_that_never_ends_is_refused_and_costs_linear_time() -> None:
    decoder = SseDecoder(limit=200_000)
    for _ in range(200_000):
        decoder.push(b"x")
    with pytest.raises(EventTooLong, match="200000 bytes"):
        decoder.push(b"x")


@given(texts=st.lists(st.binary(max_size=8).filter(lambda text: b"\n" not in text and b"\r" not in text)))
def test_whole_events_of_one_line_are_what_the_standard_says_and_their_data_alone_can_be_had(
    texts: list[bytes],
) -> None:
    stream = b"".join(b"data: " + text + b"\n\n" for text in texts)
    assert decode(stream) == interpret(stream)
    for mixed in (stream, b"id: 7\n" + stream, b":\n\n" + stream, stream + b"event: x\ndata: y\n\n" + stream):
        decoder, whole = SseDecoder(), decode(mixed)
        assert decoder.push_data(mixed) + decoder.push_data(stream) == [event.data for event in whole] + texts
