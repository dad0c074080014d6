"""RFC 6455 by the Autobahn test suite, which knows it best: all cases but those of speed and of compression."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ECHOING = Path(__file__).parents[2] / "support" / "echoing.py"
LONG = ["9.*", "12.*", "13.*"]
"""Limits and performance, compression and its parameters."""
RIGHT = {"OK", "NON-STRICT", "INFORMATIONAL"}


@pytest.fixture
def suite() -> str:
    found = shutil.which("wstest")
    if found is None:
        reason = "wstest, the Autobahn test suite, is not there: it needs Python 2.7; see .ci/run"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


@pytest.mark.real_time
@pytest.mark.timeout(300)  # eleven seconds on a machine with nothing else to do
def test_every_case_is_answered_as_it_should_be(suite: str, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, str(ECHOING)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            specification = {
                "servers": [{"agent": "troupe", "url": f"ws://127.0.0.1:{server.stdout.readline().strip()}"}],
                "outdir": str(tmp_path / "report"),
                "cases": ["*"],
                "exclude-cases": LONG,
                "exclude-agent-cases": {},
            }
            (tmp_path / "specification.json").write_text(json.dumps(specification))
            command = [suite, "-m", "fuzzingclient", "-s", "specification.json"]
            subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=280)
        finally:
            server.terminate()
    cases = json.loads((tmp_path / "report" / "index.json").read_text())["troupe"]
    assert len(cases) > 240
    wrong = {name: case for name, case in cases.items() if not {case["behavior"], case["behaviorClose"]} <= RIGHT}
    assert not wrong
