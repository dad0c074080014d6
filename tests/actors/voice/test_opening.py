"""Sessions begin as the configuration says, and clients may say otherwise."""

import pytest
from conversations import Script, conversation
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import server_events as server
from troupe.actors.realtime.session_config import Transcription
from troupe.actors.voice.opening import Opening

pytestmark = pytest.mark.virtual


async def test_a_session_begins_as_configured() -> None:
    opening = Opening(voice="nova", instructions="Be brief.")
    async with conversation(Script(), opening.session("m")) as caller:
        created = caller.all(server.SessionCreated)[0].session
        assert (created.model, created.instructions, created.audio.output.voice) == ("m", "Be brief.", "nova")
        await caller.send(client.SessionUpdate(session={"type": "realtime", "instructions": "Be long."}))
        updated = await caller.until(server.SessionUpdated)
        assert (updated.session.instructions, updated.session.audio.output.voice) == ("Be long.", "nova")


@pytest.mark.parametrize(
    ("configured", "wanted", "expected"),
    [("", None, None), ("de", None, "de"), ("de", Transcription(), "de"), ("de", Transcription(language="fr"), "fr")],
)
def test_a_client_knows_better_which_language_it_speaks(
    configured: str, wanted: Transcription | None, expected: str | None
) -> None:
    assert Opening(language=configured).heard(wanted) == expected


def test_nothing_configured_is_what_clients_of_openai_expect() -> None:
    session = Opening().session("m")
    assert (session.instructions, session.audio.output.voice) == ("", "alloy")
