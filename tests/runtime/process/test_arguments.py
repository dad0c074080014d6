"""The arguments of factories, as they arrive in a worker."""

from datetime import date

import pytest
from lodgers import Lodger, Place, build
from troupe.runtime.errors import InvalidActor
from troupe.runtime.process.arguments import decode_arguments, encode_arguments


class Nothing:
    pass


def plain(first, second=2, *, third=3):
    return first, second, third


def annotated(when: date, where: tuple[Place, ...] = (), *rest: Place) -> None: ...


def unreadable(handle: object, thing: "Nothing") -> None: ...


@pytest.mark.parametrize(
    ("factory", "arguments"),
    [
        (Lodger, ()),
        (Lodger, ("hi",)),
        (Lodger, ("hi", "diary", Place(1, 2))),
        (build, ("hi", Place(1, 2), Place(3, 4))),
        (Nothing, ()),
        (plain, (1, [2.5, {"a": b"b"}])),
        (annotated, (date(2020, 1, 2), (Place(1, 2),), Place(3, 4))),
    ],
)
def test_arguments_arrive_as_they_were(factory, arguments) -> None:
    encoded = encode_arguments(factory, arguments, "it")
    assert decode_arguments(factory, encoded, "it") == arguments


@pytest.mark.parametrize(
    ("factory", "arguments", "complaint"),
    [
        (plain, (Place(1, 2),), "argument 1 of it would arrive in the worker process as a dict instead of a Place"),
        (plain, (1, (2, 3)), "argument 2 of it would arrive in the worker process as a list instead of a tuple"),
        (plain, (object(),), "the arguments of it can't travel to a worker process: .* type object"),
        (Lodger, (5,), "the arguments of it can't travel to a worker process: Expected `str`, got `int`"),
        (unreadable, (1, 2), "a parameter of it can't travel between processes: object is not a type"),
    ],
)
def test_arguments_that_would_not_are_refused(factory, arguments, complaint: str) -> None:
    with pytest.raises(InvalidActor, match=complaint):
        encode_arguments(factory, arguments, "it")
