"""The tables of docs/benchmarks.md come from what was measured."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from troupe.services.bench.results import Report, Row, write

SCRIPT = Path(__file__).parent.parent / "benchmarks" / "tables.py"
PAGE = """# Benchmarks

Words.

## Results

More words.

### old

kept

### runtime

| replaced |
"""


def test_the_newest_results_replace_older_tables(tmp_path: Path) -> None:
    page, history = tmp_path / "page.md", tmp_path / "history"
    page.write_text(PAGE)
    for day, value in ((1, 3.0), (2, 5.0)):
        rows = {"runtime": [Row(what="ask", value=value, unit="µs")], "new": [Row(what="tell", value=1.0, unit="µs")]}
        write(history / f"{day}.json", Report.of("micro", datetime(2026, 1, day, tzinfo=UTC), rows=rows))
    for _ in range(2):  # twice gives the same
        command = [sys.executable, str(SCRIPT), "--history", str(history), "--into", str(page)]
        subprocess.run(command, check=True, timeout=50)
        text = page.read_text()
        headings = [line for line in text.splitlines() if line.startswith("#")]
        assert headings == ["# Benchmarks", "## Results", "### old", "### runtime", "### new"]
        assert "| ask | 5 µs |" in text
        assert "3 µs" not in text
        assert "| replaced |" not in text
        assert "More words.\n\n### old\n\nkept\n\n### runtime\n\nMeasured on 02 January 2026 at commit " in text
