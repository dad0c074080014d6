import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.inference.demonstration.heard import words
from troupe.actors.inference.demonstration.units import UNITS, convert


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("how many feet are in ten metres", "10 metres are about 32.81 feet."),
        ("convert ten miles to kilometers please", "10 miles are about 16.09 kilometres."),
        ("what is 100 degrees fahrenheit in celsius", "100 degrees Fahrenheit are about 37.78 degrees Celsius."),
        ("minus forty degrees celsius in fahrenheit", "-40 degrees Celsius are -40 degrees Fahrenheit."),
        ("one degree celsius in kelvin", "1 degrees Celsius are 274.15 kelvin."),
        ("how many grams in a pound", "1 pound is about 453.59 grams."),
        ("how many inches are there in a foot", "1 foot is 12 inches."),
        ("how many minutes in three hours", "3 hours are 180 minutes."),
        ("how many feet in miles", "1 mile is 5,280 feet."),
        ("what's two and a half pounds in grams", "2.5 pounds are about 1,133.98 grams."),
        ("60 minutes in hours", "60 minutes are 1 hour."),
    ],
)
def test_conversions(text: str, answer: str) -> None:
    assert convert(words(text)) == answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ten miles",
        "I ran ten miles in two hours",
        "ten metres in metres",
        "miles to kilometres",
        "ten miles two feet in metres",
        "what time is it",
    ],
)
def test_what_is_no_conversion(text: str) -> None:
    assert convert(words(text)) is None


@given(st.sampled_from(sorted(UNITS)), st.sampled_from(sorted(UNITS)))
def test_every_unit_converts_within_its_dimension_only(source: str, target: str) -> None:
    answer = convert(words(f"ten {source} in {target}"))
    first, second = UNITS[source], UNITS[target]
    assert (answer is not None) == (first.dimension == second.dimension and first != second)
    if answer:
        assert answer.startswith(f"10 {first.plural} are ")


@pytest.mark.parametrize(
    ("british", "american"), [("metre", "meter"), ("litres", "liters"), ("kilometre", "kilometer")]
)
def test_both_spellings(british: str, american: str) -> None:
    assert UNITS[british] is UNITS[american]
