"""Events as log lines: each at its own level, those of other packages too, and no text of an error in them."""

import logging
from typing import ClassVar

import pytest
from troupe.runtime import events, open_system


class Replaced(events.Failure, frozen=True, kw_only=True):
    """An event that is not the runtime's."""

    level: ClassVar[int] = logging.INFO

    by: str


def test_an_event_becomes_a_line_with_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "troupe.runtime")
    started = events.Started(path="speech/whisper", incarnation=2)
    events.log(started)
    (record,) = caplog.records
    assert record.levelno == logging.DEBUG
    assert record.getMessage() == "Started path=speech/whisper incarnation=2"
    assert record.troupe is started


def test_other_packages_have_events_of_their_own(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "troupe.runtime")
    try:
        raise ValueError("what the user said")
    except ValueError as error:
        events.log(Replaced.of("speech", error, by="other"))
    (record,) = caplog.records
    assert record.levelno == logging.INFO
    assert "error=builtins.ValueError" in record.getMessage()
    assert f"where={__file__}:" in record.getMessage()
    assert "what the user said" not in record.getMessage()


async def test_others_may_listen_for_a_while() -> None:
    first, second = list[events.Event](), list[events.Event]()
    async with open_system(on_event=first.append) as system:
        with system.listening(second.append):
            system.emit(events.Started(path="a", incarnation=1))
        system.emit(events.Started(path="b", incarnation=1))
    assert [event.path for event in second] == ["a"]
    assert [event.path for event in first if event.path in ("a", "b")] == ["a", "b"]
