"""Writes the tables of events in docs/realtime.md: ``python .ci/realtime_events.py``; ``--check`` says if they changed.

Names and notes come from the protocol's own tables. The last column lists the tests that name the event, by its class
or as it is called on the wire.
"""

import re
import sys
from pathlib import Path

from troupe.actors.realtime.names import CLIENT_EVENTS, SERVER_EVENTS

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "realtime.md"
TESTS = [
    test
    for folder in ("actors/realtime", "actors/voice", "services/gateway")
    for test in (ROOT / "tests" / folder).rglob("test_*.py")
]
START, END = "<!-- events: written by .ci/realtime_events.py -->\n", "<!-- end of events -->"


def tests_of(event: type, *names: str | None) -> str:
    """Return the tests that name an event, first the one that takes its events from the tables."""
    on_the_wire = [f'"{re.escape(name)}"' for name in names if name and "." in name]
    words = re.compile("|".join([rf"\b{event.__name__}\b", *on_the_wire]))
    naming = {test.stem.removeprefix("test_") for test in TESTS if words.search(test.read_text())}
    return ", ".join(["contract", *sorted(naming - {"contract"})])


def tables() -> str:
    """Return both tables, in Markdown."""
    lines = ["### From the client", "", "| event | notes | tests |", "|---|---|---|"]
    lines += [f"| `{row.name}` | {row.note} | {tests_of(row.event, row.name)} |" for row in CLIENT_EVENTS]
    lines += ["", "### From the server", "", "| event | in the beta | notes | tests |", "|---|---|---|---|"]
    for row in SERVER_EVENTS:
        ga = f"`{row.ga}`" if row.ga else "not sent"
        beta = "the same" if row.beta == row.ga else f"`{row.beta}`" if row.beta else "not sent"
        lines.append(f"| {ga} | {beta} | {row.note} | {tests_of(row.event, row.ga, row.beta)} |")
    return "\n".join(lines)


def main() -> int:
    """Write the tables, or with ``--check`` say whether they would change."""
    page = PAGE.read_text()
    head, rest = page.split(START)
    _, tail = rest.split(END)
    current = f"{head}{START}\n{tables()}\n\n{END}{tail}"
    if "--check" in sys.argv:
        return int(page != current)
    PAGE.write_text(current)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
