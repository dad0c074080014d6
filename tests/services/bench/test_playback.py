import pytest
from troupe.services.bench.playback import Playback

Heard = list[tuple[float, float]]


@pytest.mark.parametrize(
    ("heard", "gaps", "jitter", "until"),
    [
        ([(0.0, 0.5)], [], 0.0, 0.5),
        ([(0.0, 0.02), (0.02, 0.02), (0.04, 0.02)], [], 0.0, 0.06),
        ([(0.0, 1.0), (0.1, 1.0)], [], 0.0, 2.0),  # ahead of playback
        ([(0.0, 0.02), (0.035, 0.02)], [], 0.015, 0.055),  # late, but within the grace
        ([(0.0, 0.02), (0.12, 0.02)], [0.1], 0.1, 0.14),
        ([(0.0, 0.02), (0.12, 0.02), (0.24, 0.02)], [0.1, 0.1], 0.2, 0.26),
    ],
)
def test_what_is_heard_of_an_answer(heard: Heard, gaps: list[float], jitter: float, until: float) -> None:
    playback = Playback()
    assert not playback.begun
    found = [gap for now, seconds in heard if (gap := playback.hear(seconds, 7 + now))]
    assert playback.begun
    assert found == pytest.approx(gaps)
    assert playback.jitter == pytest.approx(jitter, abs=1e-9)
    assert playback.until == pytest.approx(7 + until)
    assert playback.is_heard(7 + until - 0.001)
    assert not playback.is_heard(7 + until)


@pytest.mark.parametrize(
    ("heard", "stopped", "of_it"),
    [
        ([(0.0, 1.0)], 0.25, 0.25),
        ([(0.0, 1.0)], 3.0, 1.0),
        ([(0.0, 0.2), (0.3, 1.0)], 0.5, 0.4),  # a tenth of a second was silent
        ([], 1.0, 0.0),
    ],
)
def test_stopping_tells_how_much_was_heard(heard: Heard, stopped: float, of_it: float) -> None:
    playback = Playback()
    for now, seconds in heard:
        playback.hear(seconds, now)
    assert playback.stop(stopped) == pytest.approx(of_it)
    assert not playback.is_heard(stopped)
