"""What is taken down of a server that says little more than audio, with times that are written here."""

import pytest
from troupe.services.bench.events import Setup
from troupe.services.bench.frames import PING, FrameReader
from troupe.services.bench.measures import Seen
from troupe.services.bench.peers.stranger import Stranger
from troupe.services.bench.peers.wires import Pcm
from troupe.services.bench.script import Mark

SECOND = bytes(48_000)


class Session:
    def __init__(self) -> None:
        self.seen = Seen()
        self.stranger = Stranger(3, self.seen, Setup(), Pcm)
        self.stranger.connect(0.01, 0.0)
        self.seen.begin(1.0)

    def speaks(self, begin: float, end: float) -> None:
        self.stranger.sends(Mark.BEGINS, begin)
        self.stranger.sends(Mark.ENDS, end)

    def hears(self, *moments: float) -> None:
        for moment in moments:
            self.stranger.receive_binary(SECOND, moment)

    def is_stopped(self, now: float) -> None:
        assert self.stranger.receive(b"clear", now) == b""

    def values(self, name: str) -> list[float]:
        return [round(value, 6) for value in self.seen.values(name)]


def test_a_connection_is_a_session() -> None:
    assert Session().stranger.ready


def test_an_answer_is_timed_from_the_end_of_speech() -> None:
    session = Session()
    session.speaks(2.0, 3.0)
    session.hears(3.4, 3.5, 5.0)
    session.speaks(8.0, 9.0)
    session.hears(9.5)
    session.stranger.close_turn(12.0)
    assert session.values("first_audio") == [0.4, 0.5]
    assert session.values("gap") == []
    assert session.seen.counts["turns"] == 2
    assert session.seen.counts["audio_ms"] == 4000
    assert "interruptions" not in session.seen.counts, "the answer had been heard to its end"


def test_an_interruption_lasts_until_the_server_says_so() -> None:
    session = Session()
    session.speaks(2.0, 3.0)
    session.hears(3.5, 3.6, 3.7)
    session.speaks(5.0, 6.0)
    session.is_stopped(5.2)
    session.hears(6.4)  # the next answer
    session.stranger.close_turn(9.0)
    assert session.values("barge_in") == [0.2]
    assert session.values("first_audio") == [0.5, 0.4]
    assert session.seen.counts["talked_over"] == 0


def test_a_server_that_does_not_stop_is_heard_to_the_end() -> None:
    session = Session()
    session.speaks(2.0, 3.0)
    session.hears(3.5, 3.6)
    session.speaks(4.0, 4.5)
    session.stranger.close_turn(8.0)
    assert session.values("barge_in") == [1.5], "two seconds of audio from 3.5 on, less the onset"
    assert session.seen.counts["talked_over"] == 1


def test_audio_that_comes_late_is_told_from_audio_that_comes_ahead() -> None:
    session = Session()
    session.speaks(2.0, 3.0)
    session.hears(3.5, 4.4, 5.53)
    assert [round(value, 3) for value in session.seen.audio_late] == [0.0, 0.03]
    assert session.values("gap") == [0.03]
    assert max(session.seen.distributions()["audio_late"].values) == pytest.approx(0.03)


def test_the_server_is_probed_with_pings_one_at_a_time() -> None:
    session = Session()
    ping = session.stranger.probe(2.0)
    assert ping[0] & 0x0F == PING
    assert list(FrameReader().push(bytes([ping[0], 0]))) == [(PING, b"")]
    assert session.stranger.probe(2.1) == b""
    session.stranger.receive_pong(2.25)
    assert session.values("probe") == [0.25]
    assert session.stranger.probe(3.0)


def test_what_says_nothing_is_ignored() -> None:
    session = Session()
    assert session.stranger.receive(b"hello", 2.0) == b""
    session.is_stopped(2.5)
    assert session.seen.counts["interruptions"] == 0
