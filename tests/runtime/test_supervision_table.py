"""docs/supervision.md names a test in each row of its comparison with OTP, and each of them exists."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent.parent / "docs" / "supervision.md"
TEXT = PAGE.read_text()
COMPARISON = [line for line in TEXT.split("## OTP, row by row")[1].splitlines() if line.startswith("|")]
ROWS = [line for line in COMPARISON if not line.startswith(("| thing |", "|---"))]
LINKS = re.findall(r"\[`(\w+)`\]\(([^)]+)\)", TEXT)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0].removeprefix("| "))
def test_row_has_four_columns_and_a_test(row: str) -> None:
    thing, otp, here, tests = (cell.strip() for cell in row.strip("|").split("|"))
    assert thing
    assert otp
    assert here
    assert re.fullmatch(r"\[`test_\w+`\]\([^)]+\)(, \[`test_\w+`\]\([^)]+\))*", tests)


@pytest.mark.parametrize(("test", "module"), sorted(set(LINKS)))
def test_named_test_exists(test: str, module: str) -> None:
    source = (PAGE.parent / module).resolve().read_text()
    assert re.search(rf"^(async )?def {test}\(", source, re.MULTILINE), f"{module} has no {test}"


def test_all_rows_are_there() -> None:
    assert len(ROWS) > 50
