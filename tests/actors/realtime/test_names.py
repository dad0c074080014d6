"""The tables of names are complete, and the documentation shows them."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

from troupe.actors.realtime.client_events import ClientEvent
from troupe.actors.realtime.names import CLIENT_EVENTS, SERVER_EVENTS
from troupe.actors.realtime.server_events import ServerEvent

ROOT = Path(__file__).parents[3]


def with_name(event: type[ServerEvent]) -> set[type[ServerEvent]]:
    """An event and those that derive from it, as far as they have a name."""
    below = {found for each in event.__subclasses__() for found in with_name(each)}
    return below | ({event} if event.__struct_config__.tag not in {None, event.__name__} else set())


def test_every_event_is_in_the_table_once() -> None:
    assert [row.event for row in CLIENT_EVENTS] == list(get_args(ClientEvent))
    assert len({row.event for row in SERVER_EVENTS}) == len(SERVER_EVENTS)
    assert {row.event for row in SERVER_EVENTS} == with_name(ServerEvent)


def test_names_are_told_once_in_each_dialect() -> None:
    for names in ([row.ga for row in SERVER_EVENTS if row.ga], [row.beta for row in SERVER_EVENTS if row.beta]):
        assert len(set(names)) == len(names)


def test_the_documentation_is_current() -> None:
    script = ROOT / ".ci" / "realtime_events.py"
    finished = subprocess.run([sys.executable, str(script), "--check"], check=False)
    assert finished.returncode == 0, "run `python .ci/realtime_events.py`"
