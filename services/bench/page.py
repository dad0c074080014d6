"""A report as a page: one file that needs nothing else, to be linked to."""

from collections.abc import Iterable, Iterator
from html import escape
from itertools import chain
from pathlib import Path
from typing import Final

from . import figures
from .level import Level, parse
from .measures import MEASURES, SUMMARISED
from .results import Report, Row, Run, Step
from .statistics import interval
from .table import SHARES, at, facts, milliseconds, representative

_STYLE: Final = Path(__file__).parent / "page.css"
_METHOD: Final = (
    "Percentiles are nearest ranks; what they are within, with 95 of 100 chances, comes from drawing whole sessions "
    "again (cluster bootstrap). Made by <code>troupe bench</code>."
)


def page(report: Report) -> str:
    """Return the HTML of a report."""
    title = report.title or f"{' and '.join(run.name for run in report.runs) or report.kind} under load"
    parts = (_rows(report), _runs(report)) if report.kind == "peers" else (_runs(report), _rows(report))
    return whole(title, [_header(title, report), *chain(*parts), _footer(report)])


def whole(title: str, parts: Iterable[str]) -> str:
    """Return a page with this title and these parts."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE.read_text()}</style></head>"
        f"<body><main>{''.join(parts)}</main></body></html>\n"
    )


def _header(title: str, report: Report) -> str:
    told = [f"{report.started:%d %B %Y, %H:%M} UTC".lstrip("0")]
    if report.commit:
        told.append(f"commit {report.commit}")
    told.append(f"{report.machine.cpus} x {report.machine.cpu}")
    remarks = [*report.remarks, *(["It was ended before its time."] if report.interrupted else [])]
    return f"<header><h1>{escape(title)}</h1><p>{escape(' · '.join(told))}</p></header>{_remarks(remarks)}"


def _runs(report: Report) -> Iterator[str]:
    if len(report.runs) > 1:
        plots = "".join(figures.compared(report.runs))
        if plots:
            yield f'<h2>Beside one another</h2><div class="figures">{plots}</div>'
    for run in report.runs:
        if len(report.runs) > 1:
            told = escape(f"{run.version} {run.workload}".strip())
            yield f"<h2>{escape(run.name)} <small>{told}</small></h2>"
        yield from _run(run)


def _run(run: Run) -> Iterator[str]:
    level = parse(run.level) if run.level else None
    steps = [step for step in run.steps if step.seconds]
    yield _remarks(run.remarks)
    if steps:
        step = representative(run)
        yield _tiles(run, step)
        if over := "".join(figures.over_sessions(run, level)):
            yield f'<h2>More and more sessions</h2><div class="figures">{over}</div>'
            yield _steps(steps, level)
        yield f"<h2>{step.sessions} sessions <small>{step.seconds:.0f} s</small></h2>"
        yield f'<div class="figures">{"".join(figures.of_step(step))}</div>'
        yield _measured(step)
    yield _settings({**({"service level": run.level} if run.level else {}), **run.settings})


def _tiles(run: Run, step: Step) -> str:
    tiles: list[tuple[str, str]] = []
    if run.knee is not None:
        tiles.append((f"{run.knee}", "sessions hold the service level"))
    else:
        tiles.append(
            (
                f"{step.sessions}",
                "sessions" + ("" if step.held is None else ", level " + ("held" if step.held else "broken")),
            )
        )
    for name, words in (
        ("first_audio", "end of speech to first audio"),
        ("reaction", "of it the server's own, after it noticed"),
        ("barge_in", "interruption to silence"),
        ("probe", "an event to its answer"),
    ):
        if (value := at(step, name, 0.95)) is not None:
            tiles.append((milliseconds(value), f"{words}, p95"))
    if step.cpu_per_session is not None:
        tiles.append((f"{1000 * step.cpu_per_session:.2f} ms", "CPU for a second of a session"))
    if step.memory_per_session is not None:
        tiles.append((f"{step.memory_per_session / 1024:,.0f} KiB", "memory of a session"))
    items = "".join(f"<li><b>{escape(value)}</b><span>{escape(words)}</span></li>" for value, words in tiles)
    return f'<ul class="tiles">{items}</ul>'


def _steps(steps: list[Step], level: Level | None) -> str:
    rows: list[list[str]] = []
    for step in steps:
        verdict = ""
        if step.held is not None and level is not None:
            broken = ", ".join(condition.text for condition in level.broken(step))
            verdict = '<span class="good">holds</span>' if step.held else f'<span class="bad">{escape(broken)}</span>'
        cpu, memory = step.cpu_per_session, step.memory_per_session
        rows.append([
            str(step.sessions),
            *(milliseconds(at(step, "first_audio", share)) for share in SHARES),
            milliseconds(at(step, "probe", 0.99)),
            str(step.counts.get("errors", 0)),
            "" if cpu is None else f"{1000 * cpu:.2f} ms/s",
            "" if memory is None else f"{memory / 1024:,.0f} KiB",
            verdict,
        ])  # fmt: skip
    head = ["sessions", "first audio p50", "p95", "p99", "probe p99", "errors", "CPU of one", "memory of one", "level"]
    return _table(head, rows)


def _measured(step: Step) -> str:
    rows: list[list[str]] = []
    for name, words in MEASURES.items():
        found = step.distributions.get(name)
        if not found or not found.values:
            continue
        sure = interval(found, 0.95) if name not in SUMMARISED else None
        rows.append([
            f"{escape(name)}<small>{escape(words)}</small>",
            str(len(found.values)) if sure else "",
            *(milliseconds(at(step, name, share)) for share in SHARES),
            milliseconds(max(found.values)),
            f"{milliseconds(sure.low)} to {milliseconds(sure.high)}" if sure else "",
        ])  # fmt: skip
    head = ["quantity", "values", *(f"p{share * 100:.0f}" for share in SHARES), "most", "p95 is within"]
    errors = [f"{count} x {code}" for code, count in step.errors.items()]
    return _table(head, rows) + f"<p>{escape(', '.join(facts(step)))}</p>" + _remarks(errors)


def _rows(report: Report) -> Iterator[str]:
    for name, rows in report.rows.items():
        yield f"<h2>{escape(name)}</h2>"
        yield rows_table(rows)


def rows_table(rows: Iterable[Row]) -> str:
    """Return rows as a table."""
    return _table(["what", "value", "floor", "ratio", "goal", ""], [_row(row) for row in rows])


def _row(row: Row) -> list[str]:
    verdict = {None: "", True: '<span class="good">met</span>', False: '<span class="bad">falls short</span>'}[row.met]
    return [
        escape(row.what),
        escape(f"{row.value:,.4g} {row.unit}"),
        escape(f"{row.floor:,.4g} ({row.floor_name})") if row.floor is not None else "",
        f"{row.ratio:.2f}" if row.ratio is not None else "",
        escape(row.goal),
        verdict,
    ]


def _table(head: list[str], rows: list[list[str]]) -> str:
    """Return a table; the cells are HTML."""
    heads = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="card"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def _settings(settings: dict[str, str]) -> str:
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(value)}</dd>' for name, value in settings.items())}</dl>"


def _remarks(remarks: Iterable[str]) -> str:
    return "".join(f'<p class="remark">{escape(remark)}</p>' for remark in remarks)


def _footer(report: Report) -> str:
    machine = report.machine
    where = {
        "machine": f"{machine.cpus} x {machine.cpu}, {machine.os}",
        "load before": f"{machine.load:g}",
        "versions": ", ".join([machine.python, *(f"{name} {version}" for name, version in machine.packages.items())]),
    }
    return f"<h2>Where it was measured</h2>{_settings(where)}<footer>{_METHOD}</footer>"
