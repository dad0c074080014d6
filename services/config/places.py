"""Where in a TOML file something stands: what the standard library's parser does not tell."""

import re
from typing import Final

_HEADER: Final = re.compile(r"\s*\[{1,2}([^\]]+)\]{1,2}")
_PAIR: Final = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=""")
_NAME: Final = re.compile(r"""[\w-]+|"[^"]*"|'[^']*'""")


def line_of(text: str, path: tuple[str, ...]) -> int | None:
    """Return the number of the line of the key at `path`, or of what contains it; None if neither is found.

    Keys inside a value are not looked for, so of an inline table it is the line on which it begins.
    """
    table: tuple[str, ...] = ()
    best, depth = None, 0
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.match(line):
            table = here = _names(header[1])
        elif pair := _PAIR.match(line):
            here = (*table, *_names(pair[1]))
        else:
            continue
        if len(here) > depth and here == path[: len(here)]:
            best, depth = number, len(here)
    return best


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(name.strip("\"'") for name in _NAME.findall(dotted))
