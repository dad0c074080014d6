from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.contracts import Ended, GenerationEvent, TextDelta, TextPart, ToolCall, ToolSpec, Turn
from troupe.actors.inference.demonstration import DemonstrationModel
from troupe.actors.inference.demonstration.model import tokenize

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
WEATHER = ToolSpec("get_weather", "The weather in a city", CITY)
SUM = ToolSpec(
    "calculator", "Calculates", {"properties": {"expression": {"type": "string"}}, "required": ["expression"]}
)


@pytest.fixture
def model() -> DemonstrationModel:
    return DemonstrationModel(lambda: datetime(2026, 11, 21, 15, 5, tzinfo=UTC))


def user(text: str) -> Turn:
    return Turn(role="user", parts=(TextPart(text),))


def assistant(text: str) -> Turn:
    return Turn(role="assistant", parts=(TextPart(text),))


def text_of(events: Sequence[GenerationEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def calls_of(events: Sequence[GenerationEvent]) -> list[tuple[str, object]]:
    return [(call.name, msgspec.json.decode(call.arguments)) for call in events if isinstance(call, ToolCall)]


def test_it_answers_piece_by_piece_and_counts(model: DemonstrationModel) -> None:
    *pieces, end = model.generate([user("what is twelve times three")])
    assert [piece.text for piece in pieces if isinstance(piece, TextDelta)] == ["That", " is", " 36", "."]
    assert end == Ended("stop", input_tokens=5, output_tokens=4)


@given(st.text(max_size=60))
def test_tokens_put_together_are_the_text(text: str) -> None:
    pieces = tokenize(text)
    assert "".join(pieces) == text
    assert all(pieces)


def test_it_uses_the_clock(model: DemonstrationModel) -> None:
    assert text_of(list(model.generate([user("what time is it")]))) == "It's 3:05 PM."


def test_the_same_conversation_gives_the_same_answer(model: DemonstrationModel) -> None:
    turns = [user("my name is ada"), assistant("Nice to meet you, Ada."), user("who am i")]
    assert list(model.generate(turns)) == list(model.generate(turns))
    assert text_of(list(model.generate(turns))) == "Your name is Ada."


def test_it_can_be_cut_and_left(model: DemonstrationModel) -> None:
    events = list(model.generate([user("count to five")], max_tokens=3))
    assert text_of(events) == "One, two"
    assert events[-1] == Ended("length", input_tokens=3, output_tokens=3)
    assert list(model.generate([user("hello")], max_tokens=0)) == [Ended("length", input_tokens=1, output_tokens=0)]
    answer = model.generate([user("tell me a story")])
    next(answer)
    answer.close()
    with pytest.raises(StopIteration):
        next(answer)


def test_it_greets_when_nothing_was_said(model: DemonstrationModel) -> None:
    for turns in ([], [Turn(role="system", parts=(TextPart("Be kind."),))]):
        assert text_of(list(model.generate(turns))).startswith("Hello!")


def test_it_calls_a_tool(model: DemonstrationModel) -> None:
    events = list(model.generate([user("what's the weather in Paris")], [WEATHER]))
    assert calls_of(events) == [("get_weather", {"city": "Paris"})]
    end = events[-1]
    assert isinstance(end, Ended)
    assert end.reason == "tool_calls"
    assert end.input_tokens > 20
    assert end.output_tokens > 3


def test_it_asks_for_what_is_missing_and_then_calls(model: DemonstrationModel) -> None:
    turns = [user("tell me the weather")]
    question = text_of(list(model.generate(turns, [WEATHER])))
    assert question == "What should the city be?"
    turns += [assistant(question), user("Berlin please")]
    assert calls_of(list(model.generate(turns, [WEATHER]))) == [("get_weather", {"city": "Berlin"})]
    turns[-1] = user("never mind")
    assert text_of(list(model.generate(turns, [WEATHER]))) == "Okay."


def test_it_asks_for_one_thing_after_the_other(model: DemonstrationModel) -> None:
    parameters = {
        "properties": {"origin": {"type": "string"}, "seats": {"type": "integer"}},
        "required": ["origin", "seats"],
    }
    turns = [user("book a flight")]
    for expected, answer in (("origin", "from Rome"), ("seats", "two of them")):
        question = text_of(list(model.generate(turns, [ToolSpec("book_flight", "", parameters)])))
        assert question == f"What should the {expected} be?"
        turns += [assistant(question), user(answer)]
    assert calls_of(list(model.generate(turns, [ToolSpec("book_flight", "", parameters)]))) == [
        ("book_flight", {"origin": "Rome", "seats": 2})
    ]


@pytest.mark.parametrize(
    ("result", "spoken"),
    [
        ('{"temperature": 20, "sky_color": "clear", "rain": false}', "temperature: 20, sky color: clear, rain: no"),
        ("sunny and warm.", "sunny and warm"),
        ("[1, null]", "1, nothing"),
        ("", "nothing"),
    ],
)
def test_it_reads_out_what_a_tool_says(model: DemonstrationModel, result: str, spoken: str) -> None:
    turns = [
        user("weather in Paris"),
        Turn(role="assistant", tool_calls=(ToolCall("c1", "get_weather", "{}"),)),
        Turn(role="tool", tool_call_id="c1", parts=(TextPart(result),)),
    ]
    assert text_of(list(model.generate(turns, [WEATHER]))) == f"The tool get weather says: {spoken}."


def test_it_reads_out_the_last_results_only(model: DemonstrationModel) -> None:
    turns = [
        Turn(role="tool", tool_call_id="old", parts=(TextPart("old"),)),
        user("both"),
        Turn(role="assistant", tool_calls=(ToolCall("a", "first_tool", "{}"), ToolCall("b", "second_tool", "{}"))),
        Turn(role="tool", tool_call_id="a", parts=(TextPart("1"),)),
        Turn(role="tool", tool_call_id="b", parts=(TextPart("2"),)),
    ]
    assert text_of(list(model.generate(turns))) == "The tool first tool says: 1. The tool second tool says: 2."


def test_it_does_sums_itself_unless_there_is_a_tool_for_them(model: DemonstrationModel) -> None:
    turns = [user("calculate two plus two")]
    assert text_of(list(model.generate(turns, [WEATHER]))) == "That is 4."
    assert calls_of(list(model.generate(turns, [WEATHER, SUM]))) == [("calculator", {"expression": "two plus two"})]


def test_the_choice_of_tools_is_followed(model: DemonstrationModel) -> None:
    turns = [user("weather in Paris")]
    assert calls_of(list(model.generate(turns, [WEATHER], tool_choice="none"))) == []
    assert calls_of(list(model.generate([user("Rome")], [WEATHER], tool_choice="required"))) == [
        ("get_weather", {"city": "Rome"})
    ]
    assert calls_of(list(model.generate(turns, [WEATHER, SUM], tool_choice="calculator")))[0][0] == "calculator"
    with pytest.raises(ValueError, match="'other' is not on offer"):
        model.generate(turns, [WEATHER], tool_choice="other")


def test_ids_of_calls_differ_within_a_conversation(model: DemonstrationModel) -> None:
    turns = [user("weather in Paris")]
    (first, _) = model.generate(turns, [WEATHER])
    turns += [Turn(role="assistant", tool_calls=(first,)), Turn(role="tool", parts=(TextPart("fine"),))]
    (second, _) = model.generate([*turns, user("weather in Rome")], [WEATHER])
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert first.id != second.id


@pytest.mark.parametrize("text", ["(", "weather ", "what is ", "a", "1", "say ", "minus ", "count to "])
def test_long_texts_do_not_take_long(model: DemonstrationModel, text: str) -> None:
    assert list(model.generate([user(text * 20000)], [WEATHER, SUM] * 10))


def test_long_conversations_do_not_recurse(model: DemonstrationModel) -> None:
    turns = [turn for _ in range(2000) for turn in (user("and the weather"), assistant("What should the city be?"))]
    assert list(model.generate([*turns, user("Rome")], [WEATHER]))
    assert text_of(list(model.generate([*turns, user("what is my name")]))) == "You haven't told me your name."
