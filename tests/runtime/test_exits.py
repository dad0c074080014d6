"""Exit reasons say why in words that never repeat what a foreign error says."""

import pytest
from troupe.runtime.errors import ActorDied, RestartLimitExceeded
from troupe.runtime.exits import NORMAL, SHUTDOWN, Crashed, Exit, Killed


@pytest.mark.parametrize(
    ("exit", "text"),
    [
        (NORMAL, "normal"),
        (SHUTDOWN, "shutdown"),
        (Killed(2.5), "cancelled after 2.5 s of grace"),
        (Crashed(ValueError("what a user said")), "crashed with ValueError"),
        (
            Crashed(RestartLimitExceeded("s", "a", 3, 5)),
            "crashed with RestartLimitExceeded (supervisor 's' gives up: more than 3 restarts in 5 s, the last of 'a')",
        ),
        (
            Crashed(ActorDied("a", Crashed(ValueError("what a user said")))),
            "crashed with ActorDied (actor 'a' ended: crashed with ValueError)",
        ),
        (Crashed(ExceptionGroup("what a user said", [ValueError()])), "crashed with ExceptionGroup"),
    ],
)
def test_text(exit: Exit, text: str) -> None:
    assert str(exit) == text


def test_exits_compare_by_value() -> None:
    assert Killed(5) == Killed(5) != Killed(6)
    error = ValueError()
    assert Crashed(error) == Crashed(error) != Crashed(ValueError())
