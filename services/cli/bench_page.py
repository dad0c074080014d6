"""``troupe bench page``: any report as a page."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from ..bench.page import page as rendered
from ..bench.results import ResultsError, read
from .failing import fail


def page(
    report: Annotated[Path, Parameter(help="A report of troupe bench, as JSON.")],
    out: Annotated[Path, Parameter(help="The page to write, one file that needs nothing else.")],
) -> None:
    """Write a report as a page with plots."""
    try:
        out.write_text(rendered(read(report)), encoding="utf-8")
    except ResultsError as error:
        fail(str(error), 1)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", 1)
