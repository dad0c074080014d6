"""Every benchmark runs, with tiny sizes; its numbers are not looked at."""

import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.mark.real_time
@pytest.mark.parametrize("script", sorted(BENCHMARKS.glob("bench_*.py")), ids=lambda path: path.stem)
def test_benchmark_runs(script: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    name = script.stem.removeprefix("bench_")
    command = [sys.executable, str(BENCHMARKS / "run.py"), name, "--quick", "--json", str(report)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
    assert finished.returncode == 0, finished.stderr
    assert report.stat().st_size > 0
