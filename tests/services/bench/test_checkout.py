import re
from pathlib import Path

import pytest
from troupe.services.bench import checkout


def test_these_tests_run_in_a_checkout() -> None:
    root = checkout.checkout()
    assert root == Path(__file__).parents[3]
    if (root / ".git").exists():
        assert re.fullmatch(r"[0-9a-f]{10}(-dirty)?", checkout.commit())


def test_what_was_installed_is_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(checkout, "_ROOT", tmp_path)
    assert checkout.checkout() is None
    assert checkout.commit() == ""
