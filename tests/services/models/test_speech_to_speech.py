"""Models that answer in speech what they hear."""

import numpy as np
import pytest
from openings import Opening
from troupe.actors.contracts import Speech, TextDelta
from troupe.actors.errors import AuthenticationFailed
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import response_events as response
from troupe.actors.realtime.items import InputText, Message
from troupe.codecs.pcm import Pcm
from troupe.services.models import SpeechToSpeech
from troupe.services.wire import Close, Refuse
from troupe.services.wire.openai import OpenAiWire

pytestmark = [pytest.mark.real_time, pytest.mark.virtual]

PATH = "/v1/realtime"
QUESTION = Pcm.from_bytes(np.full(16_000, 5000, "<i2").tobytes(), 16_000)


async def test_speech_is_answered_in_speech(wire: OpenAiWire, opening: Opening) -> None:
    wire.reply("Fine, thank you.")
    async with opening() as models:
        model = await models.model("mine/talker", SpeechToSpeech)
        answer = await model.transform(QUESTION, instructions="Be brief.", voice="marin")
        assert (await model.usage()).output_tokens > 0
    assert answer.text == "Fine, thank you."
    assert answer.speech.seconds == pytest.approx(0.06 * len(answer.text), abs=0.01)
    session = wire.last(PATH).texts()[0]["session"]
    assert (session["instructions"], session["audio"]["output"]["voice"]) == ("Be brief.", "marin")
    assert wire.last(PATH).query == {"model": ["talker"]}


async def test_words_and_sound_come_as_they_are_made(wire: OpenAiWire, opening: Opening) -> None:
    async with opening() as models:
        model = await models.model("mine/talker", SpeechToSpeech)
        async with model.stream(QUESTION) as events:
            kinds = [type(event) async for event in events]
    assert kinds[0] is TextDelta
    assert kinds.count(Speech) > kinds.count(TextDelta)


async def test_a_conversation_goes_on_where_its_connection_ends(wire: OpenAiWire, opening: Opening) -> None:
    wire.fail(PATH, Close(1, 1011))
    async with opening() as models:
        model = await models.model("mine/talker", SpeechToSpeech)
        async with model.conversation() as call:
            item = Message(role="user", content=(InputText(text="Hello"),))
            await call.send(client.ConversationItemCreate(item=item))
            await call.send(client.ResponseCreate())
            call.finish()
            events = [event async for event in call]
    done = [event for event in events if isinstance(event, response.ResponseDone)]
    assert [each.response.status for each in done] == ["completed"]
    assert len(wire.exchanges) == 2


async def test_whoever_refuses_is_told(wire: OpenAiWire, opening: Opening) -> None:
    wire.fail(PATH, Refuse(401))
    async with opening() as models:
        model = await models.model("mine/talker", SpeechToSpeech)
        with pytest.raises(AuthenticationFailed):
            await model.transform(QUESTION)
