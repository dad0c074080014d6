"""The page for people: how things are, with nothing in it that could be more than text."""

import pytest
from anyio import Event, create_task_group, sleep
from conversations import Script, scripted_system
from troupe.actors.realtime.session_config import RealtimeSession
from troupe.actors.voice.session import Connect, VoiceSession
from troupe.runtime import Restart, child
from troupe.services.gateway.page import SHOWN, status_page

pytestmark = pytest.mark.virtual


async def test_it_shows_the_tree_and_no_more_sessions_than_fit() -> None:
    async with scripted_system(Script()) as voice, create_task_group() as tasks:
        done = Event()

        async def talk(number: int) -> None:
            spec = child(
                VoiceSession,
                RealtimeSession(model="test"),
                voice.services,
                name=f"sess_{number:03}",
                restart=Restart.TEMPORARY,
            )
            ref = await voice.sessions.start_child(spec)
            async with ref.open(Connect()):
                await done.wait()

        for number in range(SHOWN + 3):
            tasks.start_soon(talk, number)
        await sleep(1)
        page = status_page(voice, "<model>", "ready", {"late <by>": 3})
        done.set()
    assert page.count("sess_0") == SHOWN
    assert "sessions (and 3 more)" in page
    assert "&lt;model&gt;" in page
    assert "<tr><th>late &lt;by&gt;</th><td>3</td></tr>" in page
    assert "stt  (Recogniser)  running" in page


def test_there_is_a_page_before_there_is_anything_else() -> None:
    assert "<h1>Troupe: starting</h1>" in status_page(None, "model", "starting", {})
