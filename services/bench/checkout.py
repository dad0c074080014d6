"""The checkout that this package runs from, if it does: benchmarks, and history, are not part of what is installed."""

import subprocess
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def checkout() -> Path | None:
    """Return the root of the checkout; None if the package was installed from a wheel."""
    return _ROOT if (_ROOT / "benchmarks" / "run.py").exists() else None


def commit() -> str:
    """Return the checkout's commit, with ``-dirty`` if something was changed since; empty if that can't be told."""
    if checkout() is None:
        return ""
    head, changed = _git("rev-parse", "--short=10", "HEAD"), _git("status", "--porcelain", "-uno")
    if head is None or changed is None:
        return ""
    return head + ("-dirty" if changed else "")


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(_ROOT), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return None
