"""What tests with containers share."""

from pathlib import Path

import pytest
from containers import need_engine


@pytest.fixture
def socket() -> Path:
    """The engine's; the test is skipped where there is none, and fails in CI."""
    return need_engine()
