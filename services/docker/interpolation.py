"""Variables in Compose files: ``$NAME``, ``${NAME:-default}`` and the other forms of the Compose specification."""

import re
from collections.abc import Mapping
from typing import Final

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR: Final = re.compile(r":?[-?+]")
DEEPEST: Final = 20
"""How deep defaults may be nested."""


class BadVariable(ValueError):
    """A variable is not set, or is not written as one. The text says which; it has no value in it."""


def replaced(text: str, variables: Mapping[str, str], depth: int = 0) -> str:
    """Return a text with its variables replaced.

    Raises:
        BadVariable: One is required and not set, or is not written as one.
    """
    if depth > DEEPEST:
        raise BadVariable("defaults are nested too deeply")
    written: list[str] = []
    at = 0
    while (dollar := text.find("$", at)) >= 0:
        written.append(text[at:dollar])
        at = dollar + 1
        if text.startswith("$", at):
            written.append("$")
            at += 1
        elif text.startswith("{", at):
            end = _closing(text, at + 1)
            written.append(_braced(text[at + 1 : end], variables, depth))
            at = end + 1
        elif name := _NAME.match(text, at):
            written.append(variables.get(name[0], ""))
            at = name.end()
        else:
            raise BadVariable(f"a dollar sign is written $$, in {text[:40]!r}")
    written.append(text[at:])
    return "".join(written)


def _closing(text: str, at: int) -> int:
    """Return where the brace closes that was opened before `at`."""
    depth = 1
    while at < len(text):
        if text.startswith("${", at):
            depth += 1
            at += 1
        elif text[at] == "}":
            depth -= 1
            if depth == 0:
                return at
        at += 1
    raise BadVariable("a ${ is not closed")


def _braced(inner: str, variables: Mapping[str, str], depth: int) -> str:
    name = _NAME.match(inner)
    if name is None:
        raise BadVariable(f"{inner[:40]!r} is no variable")
    rest = inner[name.end() :]
    if not rest:
        return variables.get(name[0], "")
    operator = _OPERATOR.match(rest)
    if operator is None:
        raise BadVariable(f"after ${{{name[0]} comes one of :- - :? ? :+ + or }}")
    word = rest[operator.end() :]
    value = variables.get(name[0])
    there = bool(value) if operator[0].startswith(":") else value is not None
    match operator[0][-1]:
        case "-":
            return value or "" if there else replaced(word, variables, depth + 1)
        case "+":
            return replaced(word, variables, depth + 1) if there else ""
        case _:
            if not there:
                raise BadVariable(f"{name[0]} is not set: {replaced(word, variables, depth + 1) or 'it is required'}")
            return value or ""
