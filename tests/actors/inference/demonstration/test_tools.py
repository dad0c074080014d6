from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.contracts import ToolSpec
from troupe.actors.inference.demonstration.tools import choose, computes, name_words


def tool(name: str, description: str = "", required: tuple[str, ...] = (), **properties: Any) -> ToolSpec:
    return ToolSpec(name, description, {"type": "object", "properties": properties, "required": list(required)})


STRING, INTEGER, NUMBER, BOOLEAN = ({"type": name} for name in ("string", "integer", "number", "boolean"))
WEATHER = tool(
    "get_weather",
    "Get the current weather for a location",
    ("location",),
    location=STRING,
    unit={"type": "string", "enum": ["celsius", "fahrenheit"]},
)
TIME = tool("get_time", "Returns the time in a city", ("city",), city=STRING)
LIGHT = tool(
    "turn_on_light", "Switch a light on or off", ("room",), room=STRING, on=BOOLEAN, brightness={"type": "integer"}
)
EMAIL = tool("sendEmail", "Send an email to someone", ("to", "body"), to=STRING, subject=STRING, body=STRING)
PIZZA = tool("order_pizza", "Order a pizza", ("toppings",), toppings={"type": "array"}, count=INTEGER)
TRANSFER = tool("transfer", "", ("agent",), agent={"enum": ["sales", "technical_support"]}, reason=STRING)
TIMER = tool("set_timer", "", ("minutes",), minutes=INTEGER, seconds=INTEGER, label=STRING)
SUM = tool("calculate", "Evaluate an expression", ("expression",), expression=STRING)
ALL = (WEATHER, TIME, LIGHT, EMAIL, PIZZA, TRANSFER, TIMER, SUM)


@pytest.mark.parametrize(
    ("said", "name", "arguments"),
    [
        ("what's the weather in New York please", "get_weather", {"location": "New York"}),
        ("what is the whether like in paris in celsius", "get_weather", {"location": "paris", "unit": "celsius"}),
        ("what time is it in Tokyo", "get_time", {"city": "Tokyo"}),
        ("turn on the kitchen light", "turn_on_light", {"on": True, "room": "kitchen"}),
        ("switch the light off in the bedroom", "turn_on_light", {"on": False, "room": "bedroom"}),
        (
            "turn the light on in the living room to fifty percent brightness",
            "turn_on_light",
            {"on": True, "brightness": 50, "room": "living room"},
        ),
        (
            "send an email to bob@example.com saying hello there",
            "sendEmail",
            {"to": "bob@example.com", "body": "hello there"},
        ),
        (
            "send an email to Ann subject lunch saying see you",
            "sendEmail",
            {"to": "Ann", "subject": "lunch", "body": "see you"},
        ),
        ("order two pizzas with ham and cheese", "order_pizza", {"count": 2, "toppings": ["ham", "cheese"]}),
        ("transfer me to technical support", "transfer", {"agent": "technical_support"}),
        ("set a timer for five minutes", "set_timer", {"minutes": 5}),
        ("set a timer for 2 minutes and thirty seconds", "set_timer", {"minutes": 2, "seconds": 30}),
        ("calculate two plus two", "calculate", {"expression": "two plus two"}),
    ],
)
def test_the_tool_that_is_asked_for_with_its_arguments(said: str, name: str, arguments: dict[str, object]) -> None:
    call = choose(ALL, said)
    assert call is not None
    assert (call.tool.name, dict(call.arguments), call.missing) == (name, arguments, ())


@pytest.mark.parametrize("said", ["", "hello", "who are you", "count to ten", "tell me a story", "thank you very much"])
def test_nothing_is_called_without_reason(said: str) -> None:
    assert choose(ALL, said) is None
    assert choose((), said) is None


def test_one_can_be_insisted_on() -> None:
    call = choose((TIME, WEATHER), "Berlin", insist=True)
    assert call is not None
    assert (call.tool.name, dict(call.arguments)) == ("get_time", {"city": "Berlin"})
    assert choose((), "Berlin", insist=True) is None


@pytest.mark.parametrize(
    ("answer", "value"),
    [("Berlin", "Berlin"), ("it's Berlin please", "Berlin"), ("in San Francisco", "San Francisco"), ("?", "?")],
)
def test_a_missing_string_is_asked_for(answer: str, value: str) -> None:
    call = choose(ALL, "tell me the weather")
    assert call is not None
    assert call.missing == ("location",)
    assert call.question == "What should the location be?"
    assert call.answered(answer).missing == ()
    assert call.answered(answer).arguments["location"] == value
    assert call.answered(answer).question == ""


def test_a_missing_number_is_asked_for_until_it_is_one() -> None:
    call = choose((TIMER,), "set a timer")
    assert call is not None
    assert call.answered("soon").missing == ("minutes",)
    assert call.answered("make it twenty five").arguments == {"minutes": 25}


def test_whole_numbers_are_not_cut() -> None:
    amount = tool("pay_bill", "", (), amount=NUMBER, pages=INTEGER)
    call = choose((amount,), "pay the bill of twelve point five")
    assert call is not None
    assert call.arguments == {"amount": 12.5}


def test_text_is_taken_as_it_was_written() -> None:
    note = tool("take_note", "", ("text",), text=STRING)
    call = choose((note,), "Take a note: Don't forget Bob's 3 p.m. call!")
    assert call is not None
    assert call.arguments == {"text": "Don't forget Bob's 3 p.m. call"}


def test_tools_for_sums_are_known() -> None:
    assert computes(SUM)
    assert computes(tool("eval", "Evaluates math"))
    assert not computes(WEATHER)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("get_weather", ["get", "weather"]), ("getWeather", ["get", "weather"]), ("HTTPGet", ["http", "get"]), ("_", [])],
)
def test_name_words(name: str, expected: list[str]) -> None:
    assert name_words(name) == expected


json = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.text("ab_ 1", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "enum", "properties", "required", "items", "a", "_", ""]), inner, max_size=4
        )
    ),
    max_leaves=8,
)
schemas = st.fixed_dictionaries(
    {}, optional={"properties": json | st.dictionaries(st.text("ab_", max_size=2), json), "required": json}
)


@given(schemas, st.text("ab 1._,and", max_size=30), st.text("ab 1", max_size=8))
def test_any_schema_and_any_words_give_a_call_that_can_be_sent(schema: dict[str, Any], said: str, answer: str) -> None:
    call = choose((ToolSpec("a_tool", "", schema),), said, insist=True)
    assert call is not None
    msgspec.json.encode(call.arguments)
    while call.missing:
        assert call.question
        further = call.answered(answer or "a")
        if further.missing == call.missing:
            break
        call = further
    msgspec.json.encode(call.arguments)


def test_huge_numbers_are_left_out() -> None:
    call = choose((TIMER,), f"set a timer of {'9' * 400} minutes or {10**40} seconds")
    assert call is not None
    assert call.missing == ("minutes",)
