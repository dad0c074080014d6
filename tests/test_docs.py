"""The Python blocks of README.md and docs/ run, page by page, in a folder of their own.

A block fenced as ```python runs; all blocks of a page share one namespace. A block that can't run here is fenced as
```python no-run, and there should be a reason in the text.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = [
    page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) if BLOCK.search(page.read_text())
]


@pytest.mark.real_time
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_code_of_the_page_runs(page: Path, tmp_path: Path) -> None:
    text = page.read_text()
    source = ""
    for match in BLOCK.finditer(text):  # empty lines keep the page's own line numbers in tracebacks
        start = text.count("\n", 0, match.start(1))
        source += "\n" * (start - source.count("\n")) + match.group(1)
    script = tmp_path / f"{page.stem}.py"
    script.write_text(source)
    finished = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize(
    "page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=lambda page: page.name
)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([\w./-]+\.\w+)[)#]", page.read_text()):
        assert (page.parent / target).exists(), target
