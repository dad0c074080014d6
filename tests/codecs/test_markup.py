"""The lexer: tokens tile the source, any division into pushes gives the same ones, Markdown is told from text."""

# ruff: noqa: RUF001, E501, Q003

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.markup import Kind, Lexer, Token

FRAGMENTS = [
    "Hello", "Ünï", "你好", "3.14", "e.g.", " ", "  ", "\n", "\n\n", ". ", "! ", "?", "...", "…", "。", "」", ", ", "：",
    "**", "*", "_", "__", "~~", "`", "```", "```python\n", "~~~\n", "# ", "- ", "1. ", "12) ", "> ", "---", "| ", "[ ] ",
    "[", "]", "(", ")", "](", "![", "[a b](http://c.d/e(f) \"t\")", "https://", "www.", "h", "ht", "http", "<b>", "<", ">",
    "<https://a.b>", "\\", "\\*", "🎉", "👩‍💻", "'", '"', "—", "snake_case", "\u0301", "\t",
]  # fmt: skip
texts = st.one_of(
    st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join),
    st.text(alphabet="ab1.!?,:;*_`~#>-|+[]()<>\\/htps \n\t\"'。你…", max_size=60),
    st.text(max_size=40),
)


def lex(*pushes: str) -> list[Token]:
    lexer, tokens = Lexer(), list[Token]()
    for text in pushes:
        lexer.push(text)
        tokens += lexer.tokens()
    return [*tokens, *lexer.tokens(final=True)]


def joined(tokens: list[Token]) -> list[tuple[Kind, str, int, int]]:
    """Neighbouring text and neighbouring silence as one token: there a token may end where a push ended."""
    result: list[tuple[Kind, str, int, int]] = []
    for kind, text, spoken, end, _ in tokens:
        if result and kind is result[-1][0] is Kind.TEXT and result[-1][2] + len(result[-1][1]) == spoken:
            result[-1] = (kind, result[-1][1] + text, result[-1][2], end)
        elif result and kind is result[-1][0] is Kind.SILENT:
            result[-1] = (kind, "", 0, end)
        else:
            result.append((kind, text, 0 if kind is Kind.SILENT else spoken, end))
    return result


@given(texts)
def test_tokens_tile_the_source(source: str) -> None:
    at = 0
    for kind, text, spoken, end, after in lex(source):
        assert at < end
        assert at <= spoken <= end
        assert source[spoken : spoken + len(text)] == text
        assert spoken + len(text) <= end
        assert after == source[end : end + 1]
        assert (text != "") <= (kind in {Kind.TEXT, Kind.STOP, Kind.PAUSE, Kind.SPACE})
        at = end
    assert at == len(source)


@given(texts, st.data())
def test_any_division_gives_the_same(source: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(source)), max_size=8)))
    pushes = [source[a:b] for a, b in zip([0, *cuts], [*cuts, len(source)], strict=True)]
    assert joined(lex(*pushes)) == joined(lex(*source)) == joined(lex(source))


def spoken(source: str) -> str:
    return " ".join("".join(token.text for token in lex(source)).split())


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("**bold** and *it* and __both__ ~~gone~~", "bold and it and both gone"),
        ("2 * 3 * 4, 2*3, snake_case_name, a*b*", "2 * 3 * 4, 2*3, snake_case_name, ab"),
        ("`code` and ``more code``", "code and more code"),
        ("# Title\n## Next", "Title Next"),
        ("- one\n* two\n+ three\n• four", "one two three four"),
        ("- [ ] open\n- [x] done", "open done"),
        ("1. one\n2) two", "1. one 2) two"),
        ("> quoted\n> > twice", "quoted twice"),
        ("above\n---\nbelow\n***\n", "above below"),
        ("Title\n=====\ntext", "Title text"),
        ("| a | b |\n|---|:-:|\n| 1 | 2 |", "a b 1 2"),
        ("```python\nx = 1\n```\nDone", "Done"),
        ("~~~\n```\nstill code\n~~~\nDone", "Done"),
        ("````\n```\nstill code\n````\nDone", "Done"),
        ("```\nnever closed", ""),
        ("see [the page](https://a.b/c) now", "see the page now"),
        ("![a picture](x.png) [**bold** link](/y \"title\")", "a picture bold link"),
        ("[a (b)](https://en.wikipedia.org/wiki/A_(b)) c", "a (b) c"),
        ("[not a link] (really) [nor](this one)", "[not a link] (really) [nor](this one)"),
        ("visit https://www.example.com/a?b=c#d.", "visit example.com."),
        ("(http://user@example.com:80/x), www.example.org!", "(example.com), example.org!"),
        ("<https://example.com/a> <b>bold</b><br/>", "example.com bold"),
        ("5 < 6 > 4, a <- b", "5 < 6 > 4, a <- b"),
        (r"\*not emphasis\* 1\. \\", "*not emphasis* 1. \\"),
        ("party 🎉👩‍💻🇩🇪 1️⃣ ok", "party 1 ok"),
        ("-5 degrees, well-known - yes", "-5 degrees, well-known - yes"),
        ("#hashtag and C# and 1 # 2", "#hashtag and C# and 1 # 2"),
    ],
)  # fmt: skip
def test_what_is_spoken(source: str, expected: str) -> None:
    assert spoken(source) == expected


@pytest.mark.parametrize(
    "pattern",
    ["[", "![", "[a](", "[a](b \"", "`", "*", "_a", "<a ", "https://a", "你", "- ", "|", "...", "。」", "```\n", " ", "\\", "1."],
)  # fmt: skip
def test_hostile_text_costs_linear_time(pattern: str) -> None:
    source = (pattern * 20_000)[:20_000]
    before = time.process_time()
    lex(*(source[at : at + 3] for at in range(0, len(source), 3)))
    assert time.process_time() - before < 2  # 0.05 to 0.4 s were measured; a quadratic pattern takes minutes
