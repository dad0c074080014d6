"""Which of the tools on offer a request is for, and with what arguments: by the words, not by understanding."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from ...contracts import ToolSpec
from . import spoken_numbers
from .heard import FILLERS, Token, alike, tokens, word_set, words

Schema = Mapping[str, Any]

_LARGEST = 2**53  # beyond it floating point misses whole numbers
_READ = 300  # letters of a description; what follows is detail
_NAME_PARTS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_VERBS: Final = word_set("get set do make run call fetch find look lookup the a an of for to by with tool function")
"""Words of tools' names that say nothing about what the tool is for."""
_COMMON: Final = word_set(
    """a an the this that these those is are was be been being do does did can could will would should may might must
    i you he she it we they me my your his her its our their of in on at to for from by with and or not no as if then
    than so what which who when where why how get set given returns return current use used using user value name tool
    some any all more most new up out about into over tell give show want need like know there here have has had s"""
)
"""Words of tools' descriptions that say nothing about what the tool is for."""
_SUMS: Final = ("calculate", "calculator", "math", "convert", "evaluate")
"""Words that tell a tool for sums and conversions."""
_PREPOSITIONS: Final[dict[str, frozenset[str]]] = {
    preposition: word_set(usual)
    for preposition, usual in {
        "in": "city town place location country region area room",
        "at": "place location time hour address",
        "for": "city place location person name date day item product duration",
        "to": "to destination recipient target end receiver person contact language",
        "from": "from origin source departure start sender",
        "about": "subject topic query about question",
        "of": "city place location country item product",
        "on": "date day topic subject",
        "called": "name title",
        "named": "name title",
        "saying": "message text body content",
        "with": "person contact name message text",
    }.items()
}
"""For each preposition the parameters that it usually leads to."""
_YES: Final = word_set("on yes true enable enabled activate start")
_NO: Final = word_set("off no false disable disabled deactivate stop")
_EDGES: Final = FILLERS | word_set("the a an today tomorrow is it's its")
"""Words that are no part of an argument at its ends."""


@dataclass(frozen=True)
class Call:
    """A tool to be called.

    Attributes:
        tool: which.
        arguments: what was found for its parameters.
        missing: required parameters for which nothing was found.
    """

    tool: ToolSpec
    arguments: Mapping[str, object]
    missing: tuple[str, ...]

    @property
    def question(self) -> str:
        """What to ask the user for; empty if nothing is missing."""
        if not self.missing:
            return ""
        return f"What should the {' '.join(name_words(self.missing[0])) or self.missing[0]} be?"

    def answered(self, text: str) -> "Call":
        """Take `text` for the answer to the question."""
        name = self.missing[0]
        schema = _properties(self.tool).get(name, {})
        value = _typed(schema, tokens(text), text)
        if value is None and _kind(schema) == "string":
            value = _trimmed(tokens(text), text, _PREPOSITIONS) or text.strip()
        if value is None:
            return self
        return replace(self, arguments={**self.arguments, name: value}, missing=self.missing[1:])


def name_words(name: str) -> list[str]:
    """Return the words of an identifier, such as ``get_weather`` or ``getWeather``."""
    return [part.lower() for part in _NAME_PARTS.findall(name)]


def choose(tools: Sequence[ToolSpec], text: str, *, insist: bool = False) -> Call | None:
    """Return a call of the tool that `text` seems to ask for.

    A tool is asked for if half the telling words of its name were said, or two of its description.

    Args:
        tools: those on offer.
        text: what the user said.
        insist: whether one has to be called; the first, if none seems to be asked for.
    """
    heard = words(text)
    best = max(tools, key=lambda tool: _relevance(tool, heard), default=None)
    if best is None or not (insist or _relevance(best, heard) >= 1):
        return None
    arguments = _Arguments(best, text).find()
    missing = tuple(name for name in _required(best) if name not in arguments)
    return Call(best, arguments, missing)


def computes(tool: ToolSpec) -> bool:
    """Whether the tool is one for the sums and conversions that could be answered without it."""
    return any(_said(known, [*name_words(tool.name), *words(tool.description[:_READ])]) for known in _SUMS)


def _relevance(tool: ToolSpec, heard: Sequence[str]) -> float:
    """Return 1 or more if the tool seems to be asked for."""
    name = [word for word in name_words(tool.name) if word not in _VERBS] or name_words(tool.name)
    description = {word for word in words(tool.description[:_READ]) if word not in _COMMON}
    in_name = sum(any(alike(word, wanted) for word in heard) for wanted in name)
    in_description = sum(any(alike(word, wanted) for word in heard) for wanted in description)
    return 2 * in_name / max(len(name), 1) + in_description / 2


def _properties(tool: ToolSpec) -> dict[str, Schema]:
    """Return the schemas of the parameters, whatever the client has sent for them."""
    given: object = tool.parameters.get("properties")
    if not isinstance(given, Mapping):
        return {}
    properties = cast("Mapping[str, object]", given)
    return {name: cast("Schema", schema) if isinstance(schema, Mapping) else {} for name, schema in properties.items()}


def _required(tool: ToolSpec) -> tuple[str, ...]:
    given: object = tool.parameters.get("required")
    names = cast("list[object]", given) if isinstance(given, list) else []
    return tuple(name for name in names if isinstance(name, str))


def _kind(schema: Schema) -> str:
    """Return ``enum``, or the parameter's type; of several types the first that is not null."""
    if isinstance(schema.get("enum"), list):
        return "enum"
    given: object = schema.get("type")
    kinds = cast("list[object]", given) if isinstance(given, list) else [given]
    return next((kind for kind in kinds if isinstance(kind, str) and kind != "null"), "string")


def _trimmed(part: Sequence[Token], text: str, also: Collection[str] = ()) -> str:
    """Return the piece of the text that the tokens span, without words at its ends that say nothing, and `also`."""
    first, last = 0, len(part)
    while first < last and (part[first].word in _EDGES or part[first].word in also):
        first += 1
    while last > first and (part[last - 1].word in _EDGES or part[last - 1].word in also):
        last -= 1
    return text[part[first].start : part[last - 1].end] if first < last else ""


def _numbers(part: Sequence[Token]) -> list[tuple[float, int, int]]:
    """Return the numbers among the tokens that JSON can hold exactly, as `spoken_numbers.read_all` does."""
    found = spoken_numbers.read_all([token.word for token in part])
    return [(float(value), start, end) for value, start, end in found if abs(value) < _LARGEST]


def _typed(schema: Schema, part: Sequence[Token], text: str) -> object:
    """Return the value in `part` of a type that shows itself, or None."""
    said = [token.word for token in part]
    match _kind(schema):
        case "enum":
            return next((value for value in schema["enum"] if _all_said(str(value).replace("_", " "), said)), None)
        case "boolean":
            return next((word in _YES for word in said if word in _YES | _NO), None)
        case "integer":
            return next((int(value) for value, _, _ in _numbers(part) if value.is_integer()), None)
        case "number":
            return next((value for value, _, _ in _numbers(part)), None)
        case "array":
            items = [
                _trimmed(tokens(item), item) for item in re.split(r",|\band\b", _trimmed(part, text, _PREPOSITIONS))
            ]
            return [item for item in items if item] or None
        case _:
            return None


def _said(word: str, heard: Sequence[str]) -> bool:
    return any(alike(other, word) for other in heard)


def _all_said(text: str, heard: Sequence[str]) -> bool:
    wanted = words(text)
    return bool(wanted) and all(_said(word, heard) for word in wanted)


class _Arguments:
    """Finds a tool's arguments in a request. Each word of it is used once."""

    def __init__(self, tool: ToolSpec, text: str) -> None:
        self._properties = _properties(tool)
        self._required = _required(tool)
        self._called = frozenset(name_words(tool.name))
        self._about = [*name_words(tool.name), *words(tool.description[:_READ])]
        self._text = text
        self._left = tokens(text)

    def find(self) -> dict[str, object]:
        """Return the values found, first those whose type shows itself, last the text that is left."""
        found: dict[str, object] = {}
        kinds = {name: _kind(schema) for name, schema in self._properties.items()}
        for name, kind in kinds.items():
            if kind in ("integer", "number"):
                found[name] = self._number(name, whole=kind == "integer")
            elif kind in ("enum", "boolean"):
                found[name] = _typed(self._properties[name], self._left, self._text)
        for look in (self._after_name, self._after_preposition):
            for name, kind in kinds.items():
                if kind == "string" and found.get(name) is None:
                    found[name] = look(name)
        lacking = [name for name in self._required if found.get(name) is None]
        if len(lacking) == 1 and kinds.get(lacking[0]) in ("string", "array"):
            found[lacking[0]] = self._rest(lacking[0])
        return {name: value for name, value in found.items() if value is not None}

    def _number(self, name: str, *, whole: bool) -> float | None:
        """Take the number that is nearest to the parameter's name, or else the first."""
        numbers = [number for number in _numbers(self._left) if number[0].is_integer() or not whole]
        named = [place for place, token in enumerate(self._left) if _said(token.word, name_words(name))]
        if not numbers:
            return None
        value, start, end = min(numbers, key=lambda number: min((abs(place - number[1]) for place in named), default=0))
        self._use(start, end)
        return int(value) if whole else value

    def _after_name(self, name: str) -> str | None:
        """Take what follows the parameter's own name: "subject lunch"."""
        hints = name_words(name) or [name]
        for place in range(len(self._left) - len(hints)):
            if all(alike(self._left[place + step].word, hint) for step, hint in enumerate(hints)):
                return self._phrase(name, place, place + len(hints))
        return None

    def _after_preposition(self, name: str) -> str | None:
        """Take what follows a preposition that usually leads to such a parameter; for one that is required, to none."""
        mine = set(name_words(name))
        others = {word for other in self._properties if other != name for word in name_words(other)}
        places = [place for place, token in enumerate(self._left) if token.word in _PREPOSITIONS]
        usual = [place for place in places if _PREPOSITIONS[self._left[place].word] & mine]
        if not usual and name in self._required:
            usual = [place for place in places if not _PREPOSITIONS[self._left[place].word] & others]
        return next((value for place in usual if (value := self._phrase(name, place, place + 1))), None)

    def _rest(self, name: str) -> object:
        """Take what comes after the words that chose the tool."""
        begin = max((place + 1 for place, token in enumerate(self._left) if _said(token.word, self._about)), default=0)
        end = next((place for place in range(begin, len(self._left)) if not self._left[place].word), len(self._left))
        part = self._left[begin:end]
        schema = self._properties[name]
        return (
            _typed(schema, part, self._text)
            if _kind(schema) == "array"
            else _trimmed(part, self._text, self._called) or None
        )

    def _phrase(self, name: str, start: int, begin: int) -> str | None:
        """Take the words from `begin` to the next preposition, name of another parameter or used word, if any."""
        others = (word for other in self._properties if other != name for word in name_words(other))
        stops = {"", *_PREPOSITIONS, *others}
        end = next(
            (place for place in range(begin, len(self._left)) if self._left[place].word in stops), len(self._left)
        )
        value = _trimmed(self._left[begin:end], self._text, self._called)
        if value:
            self._use(start, end)
        return value or None

    def _use(self, start: int, end: int) -> None:
        self._left[start:end] = [Token("", 0, 0)] * (end - start)
