"""The tables of docs/benchmarks.md come from what was measured."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

from troupe.services.bench.results import Report, Row, Run, write

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


def test_what_peers_cost_replaces_what_they_did(tmp_path: Path) -> None:
    page, measured = tmp_path / "page.md", tmp_path / "peers.json"
    page.write_text("## Peers\n\n<!-- peers -->\nwhat it was before\n<!-- /peers -->\n\nWords.\n")
    runs = [
        Run(name="Troupe", workload="turns", version="0.1", remarks=["with 90 sessions: late"]),
        Run(name="other", workload="turns", version="2", remarks=["nothing of interest"]),
    ]
    rows = {
        "Goals": [
            Row(what="memory", value=400.0, unit="KiB", floor=800.0, floor_name="other", goal="≤ 0.3 x", met=False)
        ],
        "Sessions": [Row(what="Troupe", value=100, unit="")],
        "Memory": [Row(what="Troupe", value=400.4, unit="KiB"), Row(what="other", value=12_345.0, unit="KiB")],
    }
    write(measured, Report.of("peers", datetime(2026, 1, 2, tzinfo=UTC), runs=runs, rows=rows))
    for _ in range(2):  # twice gives the same
        subprocess.run(
            [sys.executable, str(SCRIPT), "--peers", str(measured), "--into", str(page)], check=True, timeout=50
        )
        text = page.read_text()
        assert text.startswith("## Peers\n\n<!-- peers -->\nMeasured on 02 January 2026 at commit ")
        assert text.endswith("<!-- /peers -->\n\nWords.\n")
        assert (
            "| | Sessions | Memory |\n|---|--:|--:|\n| Troupe 0.1 | 100 | 400 KiB |\n| other 2 |  | 12,345 KiB |\n"
            in text
        )
        assert "**falls short**" in text
        assert "- Troupe: with 90 sessions: late" in text
        assert "what it was before" not in text
        assert "nothing of interest" not in text
