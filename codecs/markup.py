"""Text of a language model, as it streams in, taken apart into what is spoken and what is Markdown, links and emoji.

`Lexer` gives tokens only when no text to come could change them, so the way a text is cut into pushes makes no
difference. Where the text so far could still become something longer (a link, a URL, a line of dashes), a pattern named
``wait`` matches up to the end of what is there. Every pattern is bounded, so that hostile text costs linear time.
"""

# ruff: noqa: RUF001  # marks of other scripts are what this is about

import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NamedTuple


class Kind(Enum):
    """What a token is."""

    TEXT = auto()
    """Spoken as it stands."""
    STOP = auto()
    """Marks that may end a sentence, with the quotes and brackets closed after them."""
    PAUSE = auto()
    """A mark that ends a clause if a space follows."""
    SPACE = auto()
    """White space, line breaks included."""
    SILENT = auto()
    """Not spoken."""
    OPEN = auto()
    """The beginning of a link: not spoken, and no place to cut until it is closed."""
    CLOSE = auto()
    """The end of a link and its address: not spoken."""


class Token(NamedTuple):
    """A stretch of the source; the next one begins where it ends."""

    kind: Kind
    text: str
    """What is spoken of it: one unbroken part of the source, or nothing. White space is spoken as one space."""
    spoken: int
    """Where in the source `text` stands."""
    end: int
    """Where in the source the token ends."""
    after: str
    """The next character of the source; empty at its end."""


STOPS: Final = ".!?…。！？｡．‼⁇⁈⁉।॥؟۔։።"
"""Marks that may end a sentence."""
WIDE_STOPS: Final = "。！？｡．‼⁇⁈⁉।॥؟۔։።"
"""Those that end it without a space."""
PAUSES: Final = ",;:，、；：،؛—–"
"""Marks that end a clause."""
WIDE_PAUSES: Final = "，、；：、—"
"""Those that end it without a space."""
CLOSERS: Final = "\"'”’»›)]}」』）】》〉］｝"
"""Quotes and brackets that, after a stop, belong to the sentence."""
UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3100-\u312f\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003134f"
)
"""Scripts that put no spaces between words (Thai, Lao, Burmese, Khmer, Chinese, Japanese), for a character class."""

_EMOJI: Final = (  # with their joiners, selectors, flags and tags
    "\u200d\u20e3\u2300-\u23ff\u2600-\u27bf\u2b00-\u2bff\ufe0e\ufe0f\U0001f000-\U0001faff\U000e0020-\U000e007f"
)
_URL: Final = r"""(?:https?://|www\.)[^\s<>"`\[\]]{0,2000}"""
_LABEL: Final = r"!?\[[^\[\]\n]{0,300}"
_ADDRESS: Final = r"""\((?:[^()\s]|\([^()\s]{0,200}\)){0,2000}(?:[ \t]{1,20}"[^"\n]{0,300}")?\)"""
_ADDRESS_BEGUN: Final = (
    r"""\((?:[^()\s]|\([^()\s]{0,200}\)){0,2000}(?:\([^()\s]{0,200}|[ \t]{1,20}(?:"[^"\n]{0,300}"?)?)?"""
)
_MARKERS: Final = "-*+•‣◦▪"

_LINE_START: Final = {
    "wait": (
        rf"(?:[{_MARKERS}_=#>:|~` \t]{{1,200}}|(?:`{{3,20}}|~{{3,20}})[^\n`]{{0,200}}"
        r"|\d{1,3}[.)]?[ \t]{0,200}|\[[ xX]?\]?)\Z"
    ),
    "fence": r"(?P<marks>`{3,20}|~{3,20})[^\n`]{0,200}\n",
    "rule": r"(?:(?:[-*_=][ \t]{0,20}){3,200}|\|?[ \t]{0,20}:?-{3,200}[-:| \t]{0,200})(?=\n|\Z)",
    "marker": rf"(?:#{{1,6}}|[{_MARKERS}])[ \t]{{1,200}}|>[ \t]?",
    "box": r"\[[ xX]\][ \t]{1,200}",
    "number": r"\d{1,3}[.)](?=[ \t]{1,200}\S)",
}
_ANYWHERE: Final = {
    "wait": (
        rf"(?:{_LABEL}\]?|{_LABEL}\]{_ADDRESS_BEGUN}|(?<![^\W_])(?:h|ht|htt|https?:?/?|w{{1,3}}|{_URL})"
        r"|</?(?:[a-zA-Z][^<>\n]{0,200})?|<https?://[^<>\s]{0,2000}|[\\!~])\Z"
    ),
    "open": rf"!?\[(?=[^\[\]\n]{{0,300}}\]{_ADDRESS})",
    "url": rf"(?<![^\W_]){_URL}(?<![.,;:!?'*_)}}])",
    "autolink": r"<https?://[^<>\s]{1,2000}>",
    "escape": r"\\[!-/:-@\[-`{-~]",
    "tag": r"</?[a-zA-Z][^<>\n]{0,200}>",
    "emphasis": r"\*{1,100}|_{1,100}|~{2,100}|`{1,100}",
    "stop": rf"[{STOPS}]{{1,100}}(?:(?!\]\()[{re.escape(CLOSERS)}]){{0,100}}",  # "](" ends the label of a link
    "pause": rf"[{PAUSES}]",
    "space": r"\s{1,1000}",
    "emoji": rf"[{_EMOJI}]+|\|",
    "word": r"[^\W_]+|.",
}
_CLOSE: Final = re.compile(rf"\]{_ADDRESS}")
_FENCE_END: Final = re.compile(r"[ \t]{0,3}(?P<marks>`{3,20}|~{3,20})[ \t]{0,20}(?:\n|\Z)")
_FENCE_WAIT: Final = re.compile(r"[ \t`~]{0,50}\Z")
_HOST: Final = re.compile(r"<?(?:https?://)?(?:www\.)?(?:[^/?#@]*@)?([^/?#:>]*)")


def _compile(patterns: dict[str, str], *, final: bool) -> re.Pattern[str]:
    named = [f"(?P<{name}>{pattern})" for name, pattern in patterns.items() if not (final and name == "wait")]
    return re.compile("|".join(named))


_AT_LINE_START: Final = {final: _compile(_LINE_START, final=final) for final in (False, True)}
_AT_ANY: Final = {final: _compile(_ANYWHERE, final=final) for final in (False, True)}


class Lexer:
    """Takes text in pieces and gives the tokens that are certain."""

    def __init__(self) -> None:
        self._buffer = ""
        self._base = 0  # where in the source the buffer begins
        self._at = 0  # in the buffer
        self._line_start = True
        self._fence = ""  # the marks that opened a code block, while in it
        self._in_link = False

    def push(self, text: str) -> None:
        """Append text."""
        used = max(self._at - 1, 0)  # one character stays, for patterns that look behind
        self._buffer = self._buffer[used:] + text
        self._base += used
        self._at -= used

    def tokens(self, *, final: bool = False) -> Iterator[Token]:
        """Yield the tokens that are certain; with `final`, when no text will follow, all that are left."""
        while self._at < len(self._buffer):
            found = self._code(final=final) if self._fence else self._prose(final=final)
            if found is None:
                return
            kind, start, stop, end = found
            self._at = end
            yield Token(
                kind, self._buffer[start:stop], self._base + start, self._base + end, self._buffer[end : end + 1]
            )

    def _code(self, *, final: bool) -> tuple[Kind, int, int, int] | None:
        """Find the next token inside a code block: one line, or what there is of it."""
        buffer, at = self._buffer, self._at
        if self._line_start:
            closed = _FENCE_END.match(buffer, at)
            if closed and closed["marks"].startswith(self._fence):
                if not final and closed.end() == len(buffer):
                    return None
                self._fence = ""
                return Kind.SILENT, at, at, closed.end()
            if not final and _FENCE_WAIT.match(buffer, at):
                return None
        end = buffer.find("\n", at) + 1
        self._line_start = end > 0
        return Kind.SILENT, at, at, end or len(buffer)

    def _prose(self, *, final: bool) -> tuple[Kind, int, int, int] | None:
        """Find the next token: its kind, what is spoken of it (from, to), and its end, as places in the buffer."""
        buffer, at = self._buffer, self._at
        match = _CLOSE.match(buffer, at) if self._in_link else None
        if match:
            self._in_link = False
            return Kind.CLOSE, at, at, match.end()
        if self._line_start and not self._in_link:
            match = _AT_LINE_START[final].match(buffer, at)
        match = match or _AT_ANY[final].match(buffer, at)
        assert match, "any character is a token"
        name, end = match.lastgroup, match.end()
        if end == len(buffer) and not final and name != "word":
            return None
        if name not in {"marker", "rule", "fence", "space"}:
            self._line_start = False
        match name:
            case "word" | "number":
                return Kind.TEXT, at, end, end
            case "space":
                self._line_start |= "\n" in match[0]
                return Kind.SPACE, at, end, end
            case "stop":
                return Kind.STOP, at, end, end
            case "pause":
                return Kind.PAUSE, at, end, end
            case "emphasis" if self._spoken_mark(match[0], end):
                return Kind.TEXT, at, end, end
            case "escape":
                return Kind.TEXT, at + 1, end, end
            case "url" | "autolink":
                host = _HOST.match(buffer, at, end)
                assert host, "it matches anything"
                return Kind.TEXT, host.start(1), host.end(1), end
            case "open":
                self._in_link = True
                return Kind.OPEN, at, at, end
            case "fence":
                self._fence = match["marks"]
            case _:
                pass
        return Kind.SILENT, at, at, end

    def _spoken_mark(self, marks: str, end: int) -> bool:
        """Whether ``*`` or ``_`` is no emphasis: a product, or a part of a name."""
        before, after = self._buffer[max(self._at - 1, 0) : self._at], self._buffer[end : end + 1]
        if marks[0] == "*":
            return (before.isspace() and after.isspace()) or (before.isdigit() and after.isdigit())
        return marks[0] == "_" and before.isalnum() and after.isalnum()
