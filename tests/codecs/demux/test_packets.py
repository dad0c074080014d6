import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.demux.packets import Backlog
from troupe.codecs.errors import TooManyBytes


@given(st.lists(st.tuples(st.binary(max_size=20), st.sampled_from(["take", "skip", "peek"]), st.integers(0, 15))))
def test_behaves_like_one_long_string(steps):
    backlog, everything, position = Backlog(10_000), b"", 0
    for data, step, count in steps:
        backlog.feed(data)
        everything += data
        present = everything[position:]
        assert len(backlog) == len(present)
        if step == "skip" and present:
            backlog.skip(count)
            position += count
        elif step == "take" and backlog.has(count):
            assert backlog.take(count) == present[:count]
            position += count
        assert backlog.peek(count, 1) == everything[position:][1 : 1 + count]
        assert backlog.offset == min(position, len(everything))


def test_waits_for_no_more_than_its_limit():
    backlog = Backlog(10)
    backlog.feed(bytes(10))
    assert not Backlog(10).has(10)
    assert backlog.has(10)
    with pytest.raises(TooManyBytes) as caught:
        backlog.has(11)
    assert caught.value.limit == 10


def test_takes_no_more_while_too_much_is_unused():
    backlog = Backlog(10)
    backlog.feed(bytes(100))
    with pytest.raises(TooManyBytes):
        backlog.feed(b"")
    backlog.skip(90)
    backlog.feed(b"")
