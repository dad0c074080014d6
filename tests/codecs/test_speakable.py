"""Cutting for speech: pieces cover the source, do not depend on how it came, and end where speech pauses."""

# ruff: noqa: RUF001, E501, Q003

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.markup import UNSPACED
from troupe.codecs.speakable import Piece, SpeechCutter, speech_weight

LINK = '[a b. C d](http://c.d/e "t")'
FRAGMENTS = [
    "Hello", "the", "Sie", "number", "1 000", "3.14", "10:30", "e.g.", "Dr.", "你好", "我很高兴", "สวัสดี", "。", "」", "，",
    " ", " ", " ", " ", "\n", "\n\n", ". ", ". ", "! ", "? ", "... ", ", ", "; ", "— ", ") ", '" ', "(", '"', "**", "*",
    "`", "```\n", "# ", "- ", "1. ", LINK, "https://example.com/a ", "a@b.cd", "🎉", "_x_", "'", "...", "e\u0301",
]  # fmt: skip
texts = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=60).map("".join),
    st.text(alphabet='aB1.!?,*_`#-[]() \n"。你', max_size=80),
    st.text(max_size=60),
)


def cut(*pushes: str, **options: int) -> list[Piece]:
    cutter = SpeechCutter(**options)
    return [piece for text in pushes for piece in cutter.push(text)] + cutter.finish()


def said(source: str) -> list[str]:
    return [piece.text for piece in cut(source)]


@given(texts, st.sampled_from([{}, {"first_weight": 15, "weight": 30}]))
def test_pieces_cover_the_source_and_trace_back_to_it(source: str, options: dict[str, int]) -> None:
    pieces = cut(source, **options)
    at = 0
    for index, piece in enumerate(pieces):
        assert piece.start == at < piece.end
        at = piece.end
        assert piece.text == " ".join(piece.text.split())
        assert any(map(str.isalnum, piece.text)) or (piece.text == "" and index == len(pieces) - 1)
        places = [piece.source(spoken) for spoken in range(len(piece.text) + 1)]
        assert places[0] == piece.start or not piece.text
        assert places[-1] == piece.source(10**6) == piece.end
        assert places == sorted(places)
        for letter, place in zip(piece.text[:-1], places[1:], strict=False):
            assert letter == source[place - 1] or (letter == " " and source[place - 1].isspace())
    assert at == len(source)


@given(texts, st.data(), st.sampled_from([{}, {"first_weight": 15, "weight": 30}]))
def test_any_division_gives_the_same_pieces(source: str, data: st.DataObject, options: dict[str, int]) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(source)), max_size=10)))
    pushes = [source[a:b] for a, b in zip([0, *cuts], [*cuts, len(source)], strict=True)]
    assert cut(*pushes, **options) == cut(*source, **options) == cut(source, **options)


def unspaced(letter: str) -> bool:
    return re.match(f"[{UNSPACED}]", letter) is not None


@given(texts)
def test_no_cut_goes_through_a_word_a_number_or_a_link(source: str) -> None:
    links = [at for at in range(len(source)) if source.startswith(LINK, at)]
    code = "```" in source
    for piece in cut(source, first_weight=15, weight=30)[:-1]:
        before, after = source[piece.end - 1], source[piece.end]
        assert not (before.isalnum() and after.isalnum()) or (unspaced(before) and unspaced(after))
        around = source[max(piece.end - 2, 0) : piece.end + 1]
        assert not (len(around) == 3 and around[0].isdecimal() and around[2].isdecimal() and around[1] in " .,:")
        assert code or not any(at < piece.end < at + len(LINK) for at in links)


@given(st.lists(st.sampled_from(["so", "it", "seems", "wonderful", "extraordinary", "and,", "go."]), max_size=150))
def test_pieces_of_prose_keep_the_limits(words: list[str]) -> None:
    for index, piece in enumerate(cut(" ".join(words))):
        assert speech_weight(piece.text) <= (250 if index else 80)


def test_unbroken_chinese_keeps_the_limits() -> None:
    pieces = cut("天" * 500)
    assert max(speech_weight(piece.text) for piece in pieces[1:]) <= 250
    assert speech_weight(pieces[0].text) <= 80
    assert "".join(piece.text for piece in pieces) == "天" * 500


def test_a_word_without_end_is_not_cut() -> None:
    assert said("a" * 1000 + " b") == ["a" * 1000, "b"]


def test_combining_marks_stay_with_their_letter() -> None:
    for piece in cut("กั" * 200)[:-1]:
        assert piece.text.endswith("ั")


def test_the_first_piece_comes_early() -> None:
    cutter = SpeechCutter()
    assert cutter.push("Well, of course") == []  # too short a clause to be worth it
    assert [piece.text for piece in cutter.push(", I can do that for you. Then")] == [
        "Well, of course,",
        "I can do that for you.",
    ]


@pytest.mark.parametrize(
    ("source", "pieces"),
    [
        ("", []),
        ("Sure! I can help. Yes. No. Here is what we do.", ["Sure!", "I can help. Yes. No.", "Here is what we do."]),
        ("Dr. Smith paid $3.14 to J. F. Kennedy. He left.", ["Dr. Smith paid $3.14 to J. F. Kennedy.", "He left."]),
        ("# Shopping\n\n- milk\n- **eggs**\n", ["Shopping", "milk", "eggs"]),
        ("wrapped at\nsome width. New\nLine", ["wrapped at some width.", "New", "Line"]),
        ("Look:\n```python\nprint('Hi. There.')\n```\nDone.", ["Look:", "Done."]),
        ("**Done.** *Next one* is here. 🎉 Great!", ["Done.", "Next one is here. Great!"]),
        ("「こんにちは。」元気ですか？はい、元気です。", ["「こんにちは。」", "元気ですか？はい、元気です。"]),
        ("你好.我很好!谢谢", ["你好.", "我很好!谢谢"]),
        ("\"Really?\" he asked. \"Yes!\" She left.", ["\"Really?\" he asked.", "\"Yes!\" She left."]),
        ("Read [this. Or that](https://a.b), or [not. This.", ["Read this. Or that,", "or [not. This."]),
        ("Version 1.2.3 costs 1,000.50 at 10:30. OK?", ["Version 1.2.3 costs 1,000.50 at 10:30.", "OK?"]),
        ("Mail a.b@c.de or see https://x.yz/a.b. Bye now.", ["Mail a.b@c.de or see x.yz.", "Bye now."]),
        ("So... what now? Wait… Stop it right there.", ["So... what now?", "Wait… Stop it right there."]),
    ],
)  # fmt: skip
def test_pieces(source: str, pieces: list[str]) -> None:
    assert said(source) == pieces


def test_what_is_silent_belongs_to_what_is_said_after_it() -> None:
    source = "One.\n```\ncode\n```\nTwo.\n🎉"
    assert [(piece.text, source[piece.start : piece.end]) for piece in cut(source)] == [
        ("One.", "One.\n"),
        ("Two.", "```\ncode\n```\nTwo.\n"),
        ("", "🎉"),
    ]


def test_tracing_back_through_markup() -> None:
    source = "Look at **[the *page*](https://a.b/c)** now"
    (piece,) = cut(source)
    assert piece.text == "Look at the page now"
    assert source[: piece.source(len("Look at the"))] == "Look at **[the"
    assert source[: piece.source(len("Look at the page"))] == "Look at **[the *page"
    assert piece.source(0) == 0
    assert piece.source(len(piece.text)) == len(source)


def test_a_language_with_ordinal_dots() -> None:
    cutter = SpeechCutter("de-AT")
    pieces = cutter.push("Am 3. Mai kam er. Es war gut.") + cutter.finish()
    assert [piece.text for piece in pieces] == ["Am 3. Mai kam er.", "Es war gut."]


def test_after_the_end() -> None:
    cutter = SpeechCutter()
    cutter.push("Hello")
    assert [piece.text for piece in cutter.finish()] == ["Hello"]
    assert cutter.finish() == []
    with pytest.raises(ValueError, match="new cutter"):
        cutter.push("more")


def test_weight() -> None:
    assert speech_weight("") == 0
    assert speech_weight("abc d") == 5
    assert speech_weight("你好a") == 7
