from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.inference.errors import EngineBusy, EngineFailed
from troupe.actors.inference.pool import Pool


@given(most=st.integers(1, 5), steps=st.lists(st.booleans(), max_size=40))
def test_nothing_is_lent_twice_and_no_more_than_allowed_are_made(most: int, steps: list[bool]) -> None:
    numbers = count()
    pool = Pool(lambda: next(numbers), most)
    lent: list[int] = []
    for take in steps:
        if take and len(lent) == most:
            with pytest.raises(EngineBusy, match="allow more"):
                pool.take()
        elif take:
            item = pool.take()
            assert item not in lent
            lent.append(item)
        elif lent:
            pool.give_back(lent.pop(0))
    assert next(numbers) <= most


def test_the_first_is_made_at_once_and_the_others_when_needed() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        return made[-1]

    pool = Pool(make, 3)
    assert made == [0]
    pool.take()
    assert made == [0]
    pool.take()
    assert made == [0, 1]


def test_one_that_can_not_be_made_may_be_tried_again() -> None:
    answers = iter([1, EngineFailed("no memory"), 2])

    def make() -> int:
        if isinstance(answer := next(answers), EngineFailed):
            raise answer
        return answer

    pool = Pool(make, 2)
    assert pool.take() == 1
    with pytest.raises(EngineFailed):
        pool.take()
    assert pool.take() == 2


def test_a_drained_pool_lends_nothing() -> None:
    pool = Pool(lambda: "model", 4)
    assert pool.drain() == ["model"]
    with pytest.raises(EngineBusy):
        pool.take()


def test_no_room_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Pool(lambda: 1, 0)
