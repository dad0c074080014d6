"""The most sessions are found in few trials, for servers of any size whose use of the processor grows as it may."""

from hypothesis import given
from hypothesis import strategies as st
from troupe.services.bench.peers.approach import CLOSE, Approach

FEW = 6


def search(capacity: int, cpu_when_full: float, trials: int, *, bend: float = 1.0) -> tuple[Approach, list[int]]:
    """Search for a capacity; the server's CPU is at `cpu_when_full` there, and grows with that power of sessions."""
    approach, tried = Approach(trials + 1), list[int]()
    sessions: int | None = FEW
    while sessions is not None:
        tried.append(sessions)
        cpu = min(1.0, cpu_when_full * (sessions / capacity) ** bend)
        approach.tell(sessions, held=sessions <= capacity, cpu=cpu)
        sessions = approach.next()
    return approach, tried


@given(st.integers(1, 2000), st.floats(0.3, 1.0), st.floats(0.7, 1.2))
def test_the_number_is_found_in_the_end(capacity: int, cpu: float, bend: float) -> None:
    approach, tried = search(capacity, cpu, 60, bend=bend)
    assert approach.found
    assert approach.held <= capacity <= approach.held + max(1, CLOSE * capacity * 1.2)
    assert len(set(tried)) == len(tried), "no trial is made twice"


@given(st.integers(10, 2000), st.floats(0.7, 0.95))
def test_four_trials_come_close(capacity: int, cpu: float) -> None:
    approach, tried = search(capacity, cpu, 4)
    assert len(tried) <= 5
    assert 0.7 * capacity <= approach.held <= capacity


@given(st.integers(1, 2000), st.floats(0.1, 1.0), st.integers(0, 8))
def test_no_more_trials_are_made_than_allowed(capacity: int, cpu: float, trials: int) -> None:
    approach, tried = search(capacity, cpu, trials)
    assert len(tried) <= trials + 1
    assert approach.held <= capacity


def test_a_server_that_holds_nothing_is_told() -> None:
    approach, tried = search(0 + 1, 1.0, 10)
    assert approach.held == 1
    assert min(tried) == 1
    nothing = Approach(9)
    for sessions in (6, 5, 4, 3, 2, 1):
        nothing.tell(sessions, held=False, cpu=1.0)
    assert nothing.found
    assert (nothing.held, nothing.next()) == (0, None)
