"""The benchmarks of the parts, which are run from a checkout, and the history of their results."""

import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from .checkout import checkout
from .results import Report, read, write


class MicroFailed(Exception):
    """The benchmarks can't be run; the text says why."""


def default_history() -> Path:
    """Return the folder that results are kept in, unless one was named.

    Raises:
        MicroFailed: This package does not run from a checkout.
    """
    return _root() / ".troupe" / "bench"


def measure(names: Sequence[str], history: Path, *, quick: bool) -> Report | None:
    """Run benchmarks, which print tables, and keep what they measured.

    Args:
        names: Which ones; all if there are none.
        history: The folder to keep it in.
        quick: Only see that they run: the numbers mean nothing and are not kept.

    Returns:
        What was kept; None if it was not.

    Raises:
        MicroFailed: This package does not run from a checkout, or a benchmark has failed.
    """
    script = _root() / "benchmarks" / "run.py"
    with tempfile.TemporaryDirectory() as scratch:
        result = Path(scratch) / "result.json"
        command = [sys.executable, str(script), *names, "--json", str(result), *(["--quick"] if quick else [])]
        if subprocess.run(command, check=False).returncode != 0:  # noqa: S603 - this interpreter, and our script
            raise MicroFailed("a benchmark has failed; what it said is above")
        if quick:
            return None
        report = read(result)
    write(history / f"{report.started:%Y%m%dT%H%M%SZ}-{report.commit or 'unknown'}.json", report)
    return report


def past(history: Path) -> list[Report]:
    """Return the results of a folder, the oldest first.

    Raises:
        ResultsError: One of the files can't be read.
    """
    return sorted((read(path) for path in history.glob("*.json")), key=lambda report: report.started)


def _root() -> Path:
    root = checkout()
    if root is None:
        raise MicroFailed(
            "the benchmarks of the parts are in the source code, and this is an installed package; "
            "clone the repository, and install it with: pip install -e ."
        )
    return root
