"""What is wrong with a child is said when it is specified, not when it starts."""

import math
from typing import Any

import pytest
import troupe.runtime
from stage import Player, Stage
from troupe.runtime import Actor, AutoShutdown, Backoff, Overflow, Restart, Strategy, child, specs, supervisor
from troupe.runtime.errors import InvalidActor
from troupe.runtime.specs import ActorSpec, SupervisorSpec


class Plain(Actor):
    capacity = 7
    overflow = Overflow.REJECT
    max_concurrency = 3
    capabilities = frozenset({"language:de"})

    def __init__(self, word: str = "", number: int = 0) -> None:
        self.word = word
        self.number = number


def test_functions_are_not_hidden_by_modules_of_their_name() -> None:
    assert troupe.runtime.child is specs.child
    assert troupe.runtime.supervisor is specs.supervisor


def test_child_takes_what_it_is_not_told_from_the_class() -> None:
    spec = child(Plain, "word", 3, name="plain", capabilities={"fast"})
    assert spec == ActorSpec(
        name="plain",
        factory=Plain,
        arguments=("word", 3),
        actor=Plain,
        capacity=7,
        overflow=Overflow.REJECT,
        max_concurrency=3,
        capabilities=frozenset({"language:de", "fast"}),
        restart=Restart.PERMANENT,
        shutdown=5.0,
        start_timeout=30.0,
        backoff=Backoff(),
        significant=False,
    )


def test_child_overrides_the_class() -> None:
    spec = child(Plain, name="plain", capacity=1, overflow=Overflow.LATEST, max_concurrency=1)
    assert (spec.capacity, spec.overflow, spec.max_concurrency) == (1, Overflow.LATEST, 1)


def test_factory_says_which_class_it_builds() -> None:
    def build(word: str) -> Plain:
        return Plain(word)

    assert child(build, "word", name="plain", actor=Plain).actor is Plain
    with pytest.raises(InvalidActor, match="give the class it builds as actor="):
        child(build, "word", name="plain")


def test_class_that_is_no_actor_is_refused() -> None:
    with pytest.raises(InvalidActor, match="is not an Actor class"):
        child(Stage, name="a")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"name": ""}, "not empty and has no slash"),
        ({"name": "a/b"}, "not empty and has no slash"),
        ({"capacity": 0}, "capacity and max_concurrency are at least 1"),
        ({"max_concurrency": 0}, "capacity and max_concurrency are at least 1"),
        ({"shutdown": -1}, "shutdown ≥ 0 and start_timeout > 0"),
        ({"shutdown": math.nan}, "shutdown ≥ 0 and start_timeout > 0"),
        ({"start_timeout": 0}, "shutdown ≥ 0 and start_timeout > 0"),
        ({"significant": True}, "can't be permanent"),
    ],
    ids=str,
)
def test_impossible_child_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidActor, match=text):
        child(Player, Stage(), "a", **{"name": "a", **options})


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"intensity": -1}, "intensity ≥ 0 and period > 0"),
        ({"period": 0}, "intensity ≥ 0 and period > 0"),
        ({"period": math.nan}, "intensity ≥ 0 and period > 0"),
        ({"max_children": 1}, "has 2 children, more than max_children=1 allows"),
    ],
    ids=str,
)
def test_impossible_supervisor_is_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidActor, match=text):
        supervisor("s", *Stage().children("ab"), **options)


def test_two_children_of_the_same_name_are_refused() -> None:
    with pytest.raises(InvalidActor, match=r"two children of the same name: a, b$"):
        supervisor("s", *Stage().children("abcba"))


def test_significant_child_needs_a_supervisor_that_shuts_down() -> None:
    a = Stage().child("a", restart=Restart.TRANSIENT, significant=True)
    with pytest.raises(InvalidActor, match="'a' is significant, but supervisor 's' has no auto_shutdown"):
        supervisor("s", a)
    assert supervisor("s", a, auto_shutdown=AutoShutdown.ANY_SIGNIFICANT).children == (a,)


def test_supervisor_is_one_for_one_and_permanent_unless_told_otherwise() -> None:
    assert supervisor("s") == SupervisorSpec(
        name="s",
        strategy=Strategy.ONE_FOR_ONE,
        restart=Restart.PERMANENT,
        intensity=3,
        period=5.0,
        backoff=Backoff(),
        auto_shutdown=AutoShutdown.NEVER,
        max_children=10_000,
        shutdown=math.inf,
        start_timeout=math.inf,
    )
