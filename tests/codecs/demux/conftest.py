"""What the tests of the demuxers share."""

from collections.abc import Callable

import pytest
from troupe.codecs.demux.packets import Demuxer, Event
from troupe.codecs.limits import Limits


@pytest.fixture(scope="session")
def take_apart() -> Callable[..., list[Event]]:
    """Feed a demuxer with pieces of a stream; return all events."""

    def run(kind: Callable[[Limits], Demuxer], *pieces: bytes, finish: bool = True) -> list[Event]:
        demuxer = kind(Limits())
        events: list[Event] = []
        for piece in pieces:
            demuxer.feed(piece)
            events += demuxer.events()
        if finish:
            demuxer.finish()
            events += demuxer.events()
        return events

    return run


@pytest.fixture(scope="session")
def check_cuts(take_apart) -> Callable[..., list[Event]]:
    """Check that the events don't depend on where a stream is cut, at any byte; return them."""

    def check(kind: Callable[[Limits], Demuxer], data: bytes) -> list[Event]:
        whole = take_apart(kind, data)
        for at in range(len(data)):
            assert take_apart(kind, data[:at], data[at:]) == whole, at
        assert take_apart(kind, *(data[at : at + 1] for at in range(len(data)))) == whole
        return whole

    return check
