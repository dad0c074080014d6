"""What `troupe serve` says before it serves: who takes which part, why, and whether that will work."""

from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..choice import TITLES, Choice, Link
from ..config import Source
from ..health import Health, State
from ..kinds.kind import PARTS

STYLES: dict[State, str] = {"good": "green", "doubtful": "yellow", "refused": "bold red", "not asked": "dim"}


def report(choice: Choice, source: Source, health: Mapping[str, Health]) -> RenderableType:
    """Return what was chosen, for a terminal or a log.

    Args:
        choice: Who takes which part.
        source: Where the configuration is from.
        health: By `Link.path`; see `troupe.services.health`.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for part in PARTS:
        for number, link in enumerate(choice.chain(part)):
            state = health.get(link.path, Health("not asked", ""))
            name = Text(link.name, style="bold" if number == 0 else "")
            table.add_row("" if number else TITLES[part], name, link.why, Text(state.remark, STYLES[state.state]))
    return Group(Text(f"Configuration: {source}", style="dim"), "", table, "", *_notes(choice, source))


def _notes(choice: Choice, source: Source) -> Iterator[RenderableType]:
    for name, reasons in _omissions(choice).items():
        yield Text(f"Left out: {name}: {reasons}", style="yellow")
    if source.unset:
        yield Text(f"Not set: {', '.join(dict.fromkeys(source.unset))}", style="yellow")
    if any(link.why.endswith(" is set") for link in choice.links):
        yield Text("To do without a key that is set, unset its variable, or name others: --stt, --llm, --tts.", "dim")
    if any(link.kind.embedded for part in PARTS for link in choice.chain(part)[:1]):
        yield Text("What is embedded is for trying things out: see docs/configuration.md for better.", style="dim")


def _omissions(choice: Choice) -> dict[str, str]:
    """Return what was left out and why, each name once."""
    return {omission.name: omission.why for omission in choice.omissions}


def refused(choice: Choice, health: Mapping[str, Health]) -> str:
    """Return what to say if somebody's refusal leaves a part without anybody; empty if all parts can be taken."""
    for part in PARTS:
        chain = choice.chain(part)
        if all(_is_refused(link, health) for link in chain):
            who = "; ".join(f"{link.name}: {health[link.path].remark}" for link in chain)
            return f"nobody is left for the part {part} ({TITLES[part]}): {who}"
    return ""


def _is_refused(link: Link, health: Mapping[str, Health]) -> bool:
    return link.path in health and health[link.path].state == "refused"
