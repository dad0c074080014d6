"""Prompts, pictures and conversations become answers."""

import base64

import pytest
from openings import Opening
from troupe.actors.contracts import Ended, TextDelta, TextPart, ToolSpec, Turn
from troupe.actors.errors import BrokenStream
from troupe.codecs.asset import load
from troupe.codecs.errors import RoleError
from troupe.services.models import LanguageModel
from troupe.services.wire import End
from troupe.services.wire.openai import OpenAiWire, Reply, ToolUse
from troupe.services.wire.openai.images import picture

pytestmark = pytest.mark.real_time

CHAT = "/v1/chat/completions"
PNG = picture("red", (16, 16), "png")


async def test_a_prompt_a_text_file_and_a_conversation(wire: OpenAiWire, opening: Opening) -> None:
    async with opening() as models:
        model = await models.model("mine/m", LanguageModel)
        answer = await model.transform("One.", system="Be brief.", max_tokens=7)
        assert (answer.text, answer.ended.reason) == ("You said: One.", "stop")
        assert [turn["role"] for turn in wire.last(CHAT).json()["messages"]] == ["system", "user"]
        assert wire.last(CHAT).json()["max_tokens"] == 7
        assert (await model.transform(load(b"From a file."))).text == "You said: From a file."
        talk = [Turn(role="user", parts=(TextPart("One."),)), answer.turn, Turn(role="user", parts=(TextPart("Two."),))]
        assert (await model.transform(talk)).text == "You said: Two."
        assert wire.last(CHAT).json()["messages"][1] == {"role": "assistant", "content": "You said: One."}
        with pytest.raises(TypeError, match="parts of turns"):
            await model.transform(talk, PNG)  # type: ignore[call-overload]


async def test_pictures_beside_a_prompt(wire: OpenAiWire, opening: Opening) -> None:
    async with opening() as models:
        model = await models.model("mine/m", LanguageModel)
        await model.transform("What is this?", PNG, load(PNG), "https://example.com/cat.png")
        *pictures, text = wire.last(CHAT).json()["messages"][0]["content"]
        inline = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
        assert [part["image_url"]["url"] for part in pictures] == [inline, inline, "https://example.com/cat.png"]
        assert text["text"] == "What is this?"
        with pytest.raises(RoleError, match="the role image needs an image file"):
            await model.transform("What is this?", b"some text")


async def test_as_it_is_written(wire: OpenAiWire, opening: Opening) -> None:
    async with opening() as models:
        model = await models.model("mine/m", LanguageModel)
        async with model.stream("One two three.") as events:
            got = [event async for event in events]
        assert "".join(event.text for event in got if isinstance(event, TextDelta)) == "You said: One two three."
        assert isinstance(got[-1], Ended)
        assert len(got) > 2
        wire.fail(CHAT, End(at=300))
        with pytest.raises(BrokenStream):
            await model.transform("One two three.")


async def test_calls_of_tools(wire: OpenAiWire, opening: Opening) -> None:
    wire.reply(reply=Reply(tool_calls=(ToolUse("clock", "{}"),)))
    async with opening() as models:
        model = await models.model("mine/m", LanguageModel)
        answer = await model.transform("What time is it?", tools=(ToolSpec("clock"),), tool_choice="required")
    assert [(call.name, call.arguments) for call in answer.tool_calls] == [("clock", "{}")]
    assert answer.turn.tool_calls == answer.tool_calls
