import operator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.inference.demonstration.arithmetic import MOST_DIGITS, evaluate, say
from troupe.actors.inference.demonstration.heard import words
from troupe.actors.inference.demonstration.spoken_numbers import spell

small = st.integers(-999, 999)
SPOKEN = {"plus": operator.add, "minus": operator.sub, "times": operator.mul}
SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "\u00d7": operator.mul}


@given(small, st.sampled_from(sorted(SPOKEN)), small)
def test_two_spoken_numbers(left: int, operation: str, right: int) -> None:
    assert evaluate(words(f"what is {spell(left)} {operation} {spell(right)}?")) == SPOKEN[operation](left, right)


@given(st.integers(0, 999), st.sampled_from(sorted(SIGNS)), st.integers(0, 999))
def test_two_written_numbers(left: int, operation: str, right: int) -> None:
    for form in (f"{left}{operation}{right}", f"{left} {operation} {right} ="):
        assert evaluate(words(form)) == SIGNS[operation](left, right)


@st.composite
def expressions(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0 or draw(st.booleans()):
        return str(draw(st.integers(0, 99)))
    left, right = draw(expressions(depth=depth - 1)), draw(expressions(depth=depth - 1))
    operation = draw(st.sampled_from("+-*/"))
    return draw(st.sampled_from([f"{left} {operation} {right}", f"({left} {operation} {right})"]))


@given(expressions())
def test_precedence_and_brackets_are_those_of_python(expression: str) -> None:
    python = "".join(f"Fraction({part})" if part.isdecimal() else part for part in words(expression))
    try:
        expected = eval(python, {"Fraction": Fraction})
    except ZeroDivisionError:
        with pytest.raises(ZeroDivisionError):
            evaluate(words(expression))
        return
    assert evaluate(words(expression)) == (expected if any(sign in expression for sign in "+-*/") else None)


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("what is twelve times three", 36),
        ("two plus two times two", 6),
        ("how much is twenty percent of eighty", 16),
        ("20% of 80", 16),
        ("ten divided by four", Fraction(5, 2)),
        ("divide ten by four", Fraction(5, 2)),
        ("subtract three from ten", 7),
        ("what's the sum of five and seven", 12),
        ("the difference between 3 and 10", 7),
        ("multiply six by seven", 42),
        ("add two to three", 5),
        ("the square root of sixteen", 4),
        ("square root of zero plus one", 1),
        ("nine to the power of one over two", Fraction(9, 2)),
        ("five squared plus one", 26),
        ("two cubed", 8),
        ("two to the power of three squared", 512),
        ("two to the power of minus one", Fraction(1, 2)),
        ("one hundred and five minus six", 99),
        ("half of ten", 5),
        ("two of ten", None),
        ("1,000 + 1", 1001),
        ("-5 + 2", -3),
        ("what is the answer to five plus two", 7),
        ("i have two dogs and three cats so two plus three", 5),
        ("what time is it", None),
        ("one two three", None),
        ("what is five", None),
        ("plus", None),
        ("five plus", None),
        ("", None),
    ],
)
def test_evaluate(text: str, result: Fraction | int | None) -> None:
    assert evaluate(words(text)) == result


@pytest.mark.parametrize(
    ("heard", "result"),
    [("what is twelve time tree", 36), ("two plus to", 4), ("for times too", 8), ("won plus ate", 9)],
)
def test_words_that_sound_like_numbers(heard: str, result: int) -> None:
    assert evaluate(words(heard)) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("plus five", 8),
        ("and times two", 6),
        ("what's that minus one", 2),
        ("two plus two", 4),
        ("hello plus two", None),
    ],
)
def test_arithmetic_goes_on_from_the_result_before(text: str, result: int | None) -> None:
    assert evaluate(words(text), Fraction(3)) == result
    if text.startswith(("plus", "and", "what")):
        assert evaluate(words(text)) is None


def test_roots_are_good_to_twelve_decimals() -> None:
    root = evaluate(words("square root of two"))
    assert root is not None
    assert abs(root**2 - 2) < Fraction(1, 10**11)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("three divided by zero", ZeroDivisionError),
        ("zero to the power of minus one", ZeroDivisionError),
        ("nine to the power of nine to the power of nine", OverflowError),
        ("2 ^ 1000000000000", OverflowError),
        ("square root of minus one", ValueError),
        ("two to the power of one third", None),
        ("8 ^ 0.3", ValueError),
    ],
)
def test_what_has_no_answer(text: str, error: type[Exception] | None) -> None:
    if error is None:
        assert evaluate(words(text)) is not None
    else:
        with pytest.raises(error):
            evaluate(words(text))


def test_results_have_a_limit() -> None:
    with pytest.raises(OverflowError):
        evaluate(words(f"{10 ** (MOST_DIGITS - 1)} * 10"))


@pytest.mark.parametrize("text", ["(" * 10000, "root of " * 5000, "minus " * 5000, "2 ^ " * 5000, "add " * 5000])
def test_nothing_takes_long_or_recurses_far(text: str) -> None:
    try:
        evaluate(words(text))
    except OverflowError:
        assert "^" in text


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (Fraction(36), "36"),
        (Fraction(-1234567), "-1,234,567"),
        (Fraction(5, 2), "2.5"),
        (Fraction(1, 3), "about 0.3333"),
        (Fraction(100, 3), "about 33.33"),
        (Fraction(-1, 4), "-0.25"),
    ],
)
def test_say(number: Fraction, said: str) -> None:
    assert say(number) == said
