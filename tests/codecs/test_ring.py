"""The ring against a naive model: a list of everything that was ever appended."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from troupe.codecs.errors import RingFull
from troupe.codecs.ring import Overflow, Ring


class RingAgainstModel(RuleBasedStateMachine):
    @initialize(capacity=st.integers(1, 12), overflow=st.sampled_from(Overflow))
    def make(self, capacity: int, overflow: Overflow) -> None:
        self.ring = Ring(capacity, overflow=overflow)
        self.overflow = overflow
        self.everything: list[int] = []
        self.start = self.dropped = 0

    @rule(count=st.integers(0, 30))
    def append(self, count: int) -> None:
        samples = np.arange(len(self.everything), len(self.everything) + count).astype(np.int16)
        needed = len(self.everything) - self.start + count - self.ring.capacity
        if needed > 0 and self.overflow is Overflow.REJECT:
            with pytest.raises(RingFull, match="discard_before"):
                self.ring.append(samples)
            return
        self.ring.append(samples)
        self.everything += samples.tolist()
        self.start += max(0, needed)
        self.dropped += max(0, needed)

    @rule(data=st.data())
    def read(self, data: st.DataObject) -> None:
        start = data.draw(st.integers(self.start, len(self.everything)))
        stop = data.draw(st.integers(start, len(self.everything)))
        assert self.ring.read(start, stop).tolist() == self.everything[start:stop]

    @rule(count=st.integers(0, 15))
    def tail(self, count: int) -> None:
        held = self.everything[self.start :]
        assert self.ring.tail(count).tolist() == held[len(held) - min(count, len(held)) :]

    @rule(data=st.data())
    def discard(self, data: st.DataObject) -> None:
        position = data.draw(st.integers(0, len(self.everything)))
        self.ring.discard_before(position)
        self.start = max(self.start, position)

    @rule(beyond=st.integers(1, 5))
    def positions_outside_are_refused(self, beyond: int) -> None:
        with pytest.raises(IndexError, match="not held"):
            self.ring.read(self.start, len(self.everything) + beyond)
        with pytest.raises(IndexError, match="not held"):
            self.ring.read(self.start - beyond, len(self.everything))
        with pytest.raises(IndexError, match="not there yet"):
            self.ring.discard_before(len(self.everything) + beyond)

    @invariant()
    def the_whole_content_and_the_counts_agree(self) -> None:
        assert (self.ring.start, self.ring.stop) == (self.start, len(self.everything))
        assert len(self.ring) == len(self.everything) - self.start <= self.ring.capacity
        assert self.ring.dropped == self.dropped
        assert self.ring.read(self.ring.start, self.ring.stop).tolist() == self.everything[self.start :]


TestRingAgainstModel = RingAgainstModel.TestCase
TestRingAgainstModel.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@given(st.integers(0, 40))
def test_what_was_read_does_not_change_later(count: int) -> None:
    ring = Ring(16, overflow=Overflow.DROP_OLDEST)
    ring.append(np.arange(count).astype(np.int16))
    held = ring.tail(16)
    before = held.copy()
    ring.append(np.full(16, -1, np.int16))
    assert np.array_equal(held, before)


def test_repr_and_bad_capacity() -> None:
    ring = Ring(4, overflow=Overflow.DROP_OLDEST)
    ring.append(np.zeros(6, np.int16))
    assert repr(ring) == "<Ring 2..6 of 4 samples, 2 dropped>"
    with pytest.raises(ValueError, match="can hold nothing"):
        Ring(0)
