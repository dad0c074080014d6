"""The circuit breaker, with a clock in the hand."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from troupe.actors.routing.breaker import BreakerPolicy, Circuit, CircuitBreaker, Permit

POLICY = BreakerPolicy()


def fail(breaker: CircuitBreaker, now: float, times: int = 1) -> None:
    for _ in range(times):
        permit = breaker.admit(now)
        assert permit is not None
        permit.failed(now)


def tripped(now: float = 0.0) -> CircuitBreaker:
    breaker = CircuitBreaker()
    fail(breaker, now, POLICY.consecutive)
    assert breaker.circuit is Circuit.OPEN
    return breaker


def test_failures_in_a_row_open_it_and_a_success_between_them_does_not_let_it_come_to_that() -> None:
    breaker = CircuitBreaker()
    for _ in range(2):
        fail(breaker, 0, POLICY.consecutive - 1)
        breaker.admit(0).succeeded(0)
    assert breaker.circuit is Circuit.CLOSED
    fail(breaker, 0, POLICY.consecutive)
    assert breaker.circuit is Circuit.OPEN
    assert breaker.admit(POLICY.rest - 0.001) is None


def test_half_of_the_latest_calls_open_it() -> None:
    breaker = CircuitBreaker()
    for number in range(POLICY.least):
        permit = breaker.admit(number * 0.1)
        (permit.failed if number % 2 else permit.succeeded)(number * 0.1)
        assert (breaker.circuit is Circuit.OPEN) == (number == POLICY.least - 1)


def test_old_failures_are_forgotten() -> None:
    breaker = CircuitBreaker()
    for number in range(100):
        now = number * POLICY.seconds / POLICY.least * 1.2  # fewer than `least` in the window
        permit = breaker.admit(now)
        (permit.failed if number % 2 else permit.succeeded)(now)
    assert breaker.circuit is Circuit.CLOSED


def test_one_trial_at_a_time_and_its_answer_closes_it() -> None:
    breaker = tripped()
    assert not breaker.admits(POLICY.rest - 0.001)
    assert breaker.admits(POLICY.rest)
    trial = breaker.admit(POLICY.rest)
    assert breaker.circuit is Circuit.HALF_OPEN
    assert breaker.admit(POLICY.rest) is None
    trial.answered(POLICY.rest + 1)
    assert breaker.circuit is Circuit.CLOSED
    trial.failed(POLICY.rest + 2)  # it broke off in the middle: that counts, as one failure
    assert breaker.circuit is Circuit.CLOSED
    fail(breaker, POLICY.rest + 2, POLICY.consecutive - 1)
    assert breaker.circuit is Circuit.OPEN


def test_each_failed_trial_makes_the_rest_longer_up_to_a_limit() -> None:
    breaker, now, rests = tripped(), 0.0, []
    for _ in range(4):
        rests.append(breaker.opens_in(now))
        now += rests[-1]
        breaker.admit(now).failed(now)
    assert rests == [2, 4, 5, 5]
    now += 5
    breaker.admit(now).succeeded(now)
    fail(breaker, now, POLICY.consecutive)
    assert breaker.opens_in(now) == 2


def test_a_trial_that_is_given_up_leaves_room_for_another() -> None:
    breaker = tripped()
    trial = breaker.admit(POLICY.rest)
    trial.release(POLICY.rest + 1)
    assert breaker.opens_in(POLICY.rest + 1) == 0
    assert breaker.admit(POLICY.rest + 1) is not None
    assert breaker.statistics(0).tripped == 1


def test_a_provider_that_asks_for_time_gets_it_at_once() -> None:
    breaker = CircuitBreaker()
    breaker.admit(0).failed(0, 30)
    assert breaker.opens_in(10) == 20
    assert breaker.admit(29.9) is None
    assert breaker.admit(30) is not None


def test_calls_that_began_before_it_opened_do_not_decide_about_the_trial() -> None:
    breaker = CircuitBreaker()
    early = [breaker.admit(0) for _ in range(4)]
    fail(breaker, 0, POLICY.consecutive)
    early[0].succeeded(0)
    early[1].failed(0)
    assert breaker.opens_in(0) == POLICY.rest
    trial = breaker.admit(POLICY.rest)
    early[2].failed(POLICY.rest)
    early[3].release(POLICY.rest)
    assert breaker.circuit is Circuit.HALF_OPEN
    trial.succeeded(POLICY.rest)
    assert breaker.circuit is Circuit.CLOSED


def test_it_opens_within_twenty_calls_of_which_half_fail_and_closes_after_one_that_does_not() -> None:
    """With one trial per rest, the calls that meet a failing provider stay few."""
    breaker, now, calls = CircuitBreaker(), 0.0, 0
    while breaker.circuit is Circuit.CLOSED:
        permit = breaker.admit(now)
        (permit.failed if calls % 2 else permit.succeeded)(now)
        now, calls = now + 0.1, calls + 1
    assert calls <= 20
    met = 0
    for _ in range(600):  # a minute of ten calls a second, all of which would fail
        now += 0.1
        if (permit := breaker.admit(now)) is not None:
            met += 1
            permit.failed(now)
    assert met <= 60 / POLICY.rest
    while (permit := breaker.admit(now)) is None:
        now += 0.1
    permit.succeeded(now)
    assert breaker.circuit is Circuit.CLOSED
    statistics = breaker.statistics(now)
    assert statistics.calls == calls + met + 1
    assert statistics.failures == calls // 2 + met
    assert statistics.refused > 500


class Calls(RuleBasedStateMachine):
    """Any calls, any outcomes, at any time: what holds always."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.breaker = CircuitBreaker()
        self.under_way: list[Permit] = []

    @rule(seconds=st.sampled_from([0.0, 0.1, 1.0, 2.0, 5.0, 60.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def begin(self) -> None:
        admits, before = self.breaker.admits(self.now), self.breaker.circuit
        permit = self.breaker.admit(self.now)
        assert (permit is not None) == admits
        assert admits or before is not Circuit.CLOSED
        if permit is not None:
            self.under_way.append(permit)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), how=st.sampled_from(["answered", "succeeded", "failed", "rest", "release"]))
    def outcome(self, data: st.DataObject, how: str) -> None:
        permit = data.draw(st.sampled_from(self.under_way))
        match how:
            case "rest":
                permit.failed(self.now, 7)
            case _:
                getattr(permit, how)(self.now)

    @invariant()
    def it_never_stays_open_for_ever(self) -> None:
        assert self.breaker.opens_in(self.now) < 7.001
        if self.breaker.circuit is Circuit.HALF_OPEN:
            assert any(not permit.ended for permit in self.under_way)


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("end", ["succeeded", "failed", "release"])
def test_a_permit_counts_once(end: str) -> None:
    breaker = CircuitBreaker()
    permit = breaker.admit(0)
    getattr(permit, end)(0)
    for _ in range(5):
        permit.failed(0)
    assert breaker.statistics(0).failures == (end == "failed")


def test_who_insists_gets_a_trial_even_of_an_open_circuit() -> None:
    breaker = tripped()
    assert breaker.admit(0.1) is None
    trial = breaker.insist()
    assert breaker.circuit is Circuit.HALF_OPEN
    beside = breaker.insist()  # another call is in the same need
    trial.answered(0.2)
    assert breaker.circuit is Circuit.CLOSED
    beside.failed(0.3)
    assert breaker.circuit is Circuit.CLOSED


def test_a_provider_that_asked_to_be_left_alone_is_left_alone() -> None:
    breaker = CircuitBreaker()
    breaker.admit(0).failed(0, rest=60)
    assert breaker.insist() is None
    assert breaker.admit(59) is None
    fail(breaker, 60)  # the trial, and now it is a failure like any other
    assert breaker.insist() is not None
