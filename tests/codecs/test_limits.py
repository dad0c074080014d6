import time

import msgspec
import pytest
from troupe.codecs import limits as module
from troupe.codecs.errors import TooSlow
from troupe.codecs.limits import Limits, Stopwatch


class Clocks:
    """Stands in for the module `time`."""

    def __init__(self):
        self.cpu = self.wall = 0.0

    def thread_time(self):
        return self.cpu

    def monotonic(self):
        return self.wall


@pytest.fixture
def clocks(monkeypatch) -> Clocks:
    clocks = Clocks()
    monkeypatch.setattr(module, "time", clocks)
    return clocks


def test_cpu_time(clocks):
    stopwatch = Stopwatch(Limits(cpu=2, wall=9))
    clocks.cpu = 2
    stopwatch.check()
    clocks.cpu = 2.1
    with pytest.raises(TooSlow, match="CPU") as caught:
        stopwatch.check()
    assert caught.value.limit == 2


def test_wall_time(clocks):
    stopwatch = Stopwatch(Limits(cpu=2, wall=9))
    clocks.wall = 9.1
    with pytest.raises(TooSlow, match="passed") as caught:
        stopwatch.check()
    assert caught.value.limit == 9


def test_pauses_don_t_count(clocks):
    stopwatch = Stopwatch(Limits(cpu=2, wall=9))
    clocks.cpu, clocks.wall = 1, 8
    with stopwatch.paused():
        clocks.cpu, clocks.wall = 0.2, 100  # another thread's clock
    stopwatch.check()
    clocks.cpu, clocks.wall = 1.1, 100.9
    stopwatch.check()
    clocks.cpu = 1.3
    with pytest.raises(TooSlow):
        stopwatch.check()


def test_says_when_to_look_again():
    stopwatch = Stopwatch(Limits())
    stopwatch.check()
    assert 0 < stopwatch.next_look - time.monotonic() <= 0.01


def test_unknown_limits_are_refused():
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"pixel": 1}, Limits)
