import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.services.shipped.chatterbox.stretches import stretches


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("One. Two! Three? Four.", ["One.", "Two! Three? Four."]),
        ('He said "No." Then he left, slowly.', ['He said "No."', "Then he left, slowly."]),
        ("Version 2.5 costs 3.50 today.", ["Version 2.5 costs 3.50 today."]),
        ("A heading\n\nand its text", ["A heading", "and its text"]),
        ("一二三。四五六。", ["一二三。", "四五六。"]),
        ("word " * 12 + "end", ["word " * 9 + "word", "word word end"]),
        (
            "a long beginning of this, and then the very end of it",
            ["a long beginning of this,", "and then the very end of it"],
        ),
        ("x" * 60, ["x" * 50, "x" * 10]),
        ("  \n ", []),
    ],
)
def test_cuts(text: str, cut: list[str]) -> None:
    assert list(stretches(text, 50)) == cut


@settings(max_examples=50)
@given(text=st.text(st.sampled_from("ab .,!?\n。"), max_size=200), longest=st.integers(50, 80))
def test_nothing_is_lost_and_nothing_is_too_long(text: str, longest: int) -> None:
    parts = list(stretches(text, longest))
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(0 < len(part) <= longest for part in parts)
