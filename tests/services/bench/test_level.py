import pytest
from troupe.services.bench.level import DEFAULT, LevelError, parse
from troupe.services.bench.results import Distribution, Step

STEP = Step(
    sessions=10,
    seconds=10.0,
    distributions={"first_audio": Distribution(unit="s", values=[0.1 * number for number in range(1, 11)])},
    counts={"turns": 200, "errors": 3, "disconnects": 1},
)


@pytest.mark.parametrize(
    ("text", "value", "holds"),
    [
        ("first_audio p50 < 500ms", 0.5, False),
        ("first_audio p50 <= 500ms", 0.5, True),
        ("first_audio p50 ≤ 0.5 s", 0.5, True),
        ("first_audio p90<901ms", 0.9, True),
        ("first_audio p99.9 < 1s", 1.0, False),
        ("first_audio max < 1.1s", 1.0, True),
        ("transcript p50 < 1s", None, False),  # what was not measured is not held
        ("errors < 2%", 0.015, True),
        ("errors < 1.5%", 0.015, False),
        ("errors <= 3", 3.0, True),
        ("errors = 0", 3.0, False),
        ("gaps = 0", 0.0, True),
        ("disconnects < 11%", 0.1, True),  # of the sessions
    ],
)
def test_conditions(text: str, value: float | None, holds: bool) -> None:
    level = parse(text)
    (condition,) = level.conditions
    assert condition.value(STEP) == (None if value is None else pytest.approx(value))
    assert condition.holds(STEP) == holds
    assert level.broken(STEP) == ([] if holds else [condition])
    assert str(level) == text


def test_all_conditions_have_to_hold() -> None:
    level = parse("first_audio p50 < 1s, errors = 0,  first_audio p99 < 2s")
    assert [condition.name for condition in level.broken(STEP)] == ["errors"]
    assert parse(str(level)) == level
    assert len(parse(DEFAULT).conditions) == 4


def test_without_turns_a_share_is_all_or_nothing() -> None:
    (condition,) = parse("unanswered < 1%").conditions
    assert condition.holds(Step(sessions=1, seconds=1.0))
    assert not condition.holds(Step(sessions=1, seconds=1.0, counts={"unanswered": 1}))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is like"),
        ("fast", "is no condition"),
        ("first_audio < 800ms", "takes a rank"),
        ("errors p95 < 1%", "takes no rank"),
        ("first_audio p95 < 800", "is a time"),
        ("errors < 1s", "is a share"),
        ("first_adio p95 < 800ms", "did you mean first_audio"),
        ("cost p95 < 1s", "there are"),
    ],
)
def test_what_is_no_level_is_explained(text: str, told: str) -> None:
    with pytest.raises(LevelError, match=told):
        parse(text)
