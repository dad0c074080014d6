"""What `troupe serve` says before it serves: who takes which part, why, and whether that will work."""

from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ..choice import LAST_RESORT, TITLES, WHOLE, Choice, Link
from ..config import Source
from ..health import Health, State
from ..kinds.kind import PARTS

STYLES: dict[State, str] = {"ready": "green", "doubtful": "yellow", "refused": "bold red", "not asked": "dim"}


def report(choice: Choice, source: Source, health: Mapping[str, Health]) -> RenderableType:
    """Return what was chosen, for a terminal or a log.

    Args:
        choice: Who takes which part.
        source: Where the configuration is from.
        health: By `Link.path`; see `troupe.services.health`.
    """
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for _ in range(3):
        table.add_column(no_wrap=True)
    table.add_column(style="dim")
    for part in choice.parts:
        for number, link in enumerate(choice.chain(part)):
            state = health[link.path].state
            name = Text(link.name, style="" if number else "bold")
            table.add_row("" if number else TITLES[part], name, Text(state, STYLES[state]), Text(link.why))
    return Group(Text(f"Configuration: {source}", style="dim"), "", table, "", *_notes(choice, source, health))


def _notes(choice: Choice, source: Source, health: Mapping[str, Health]) -> Iterator[RenderableType]:
    """Give what there is to know beside the table, each thing once."""
    told = {link.provider: health[link.path] for link in choice.links if health[link.path].remark}
    for provider, state in told.items():
        yield Text(f"{provider}: {state.remark}", STYLES[state.state])
    for name, why in {omission.name: omission.why for omission in choice.omissions}.items():
        yield Text(f"{name} is left out: {why}", "yellow")
    if source.unset:
        yield Text(f"Not set: {', '.join(dict.fromkeys(source.unset))}", "yellow")
    if any(link.why == f"{link.kind.key} is set" for link in choice.links):
        yield Text("To do without a key that is set, unset its variable, or name others: --stt, --llm, --tts.", "dim")
    if not choice.chain(WHOLE) and any(choice.chain(part)[0].why == LAST_RESORT for part in PARTS):
        yield Text("What is embedded is for trying things out; docs/configuration.md says what is better.", "dim")


def refused(choice: Choice, health: Mapping[str, Health]) -> str:
    """Return what to say if somebody's refusal leaves a part without anybody; empty if all parts can be taken."""
    for part in choice.parts:
        chain = choice.chain(part)
        if all(_is_refused(link, health) for link in chain):
            who = ", ".join(link.name for link in chain)
            return (
                f"[voice] {part}: nobody is left for the {TITLES[part]} but {who}. Mend that, or name others: --{part}"
            )
    return ""


def _is_refused(link: Link, health: Mapping[str, Health]) -> bool:
    return health[link.path].state == "refused"
