"""``troupe bench micro``: the benchmarks of the parts, and how their results have changed over time."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console

from ..bench.micro import MicroFailed, default_history, measure, past
from ..bench.results import ResultsError
from ..bench.trends import trends_page
from .failing import MISCONFIGURED, fail


def micro(
    *names: Annotated[str, Parameter(help="Which ones, such as: runtime decode. All if none is named.")],
    quick: Annotated[bool, Parameter(help="Tiny sizes, to see that they run; nothing is kept.", negative="")] = False,
    history: Annotated[
        Path | None, Parameter(help="Folder of the results; .troupe/bench of the checkout if not given.")
    ] = None,
) -> None:
    """Run the benchmarks of the parts, each beside a floor or a peer; keep the results by date, and plot them.

    They are in the folder benchmarks of the source code, and not in what is installed from a wheel.
    """
    try:
        folder = history or default_history()
        report = measure(names, folder, quick=quick)
    except MicroFailed as error:
        fail(str(error), MISCONFIGURED)
    if report is None:
        return
    try:
        reports = past(folder)
    except ResultsError as error:
        fail(str(error), 1)
    plots = folder / "index.html"
    plots.write_text(trends_page(reports), encoding="utf-8")
    Console(highlight=False).print(f"{len(reports)} results are kept in {folder}; {plots} plots them", soft_wrap=True)
