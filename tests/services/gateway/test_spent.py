"""A secret is used once, by whichever process comes first."""

import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from troupe.services.gateway import spent
from troupe.services.gateway.spent import SpentTable

CLAIMER = """
import sys
from pathlib import Path
from random import Random
from troupe.services.gateway.spent import SpentTable
random, table = Random(1), SpentTable(Path(sys.argv[1]))
print(flush=True)
sys.stdin.readline()
print(sum(table.claim(random.randbytes(12), 2000, 1000) for _ in range(2000)))
"""


def test_once() -> None:
    table = SpentTable()
    assert table.claim(b"a" * 12, 1100, 1000)
    assert not table.claim(b"a" * 12, 1100, 1000)
    assert table.claim(b"b" * 12, 1100, 1000)
    table.close()


def test_a_slot_is_free_again_when_its_secret_has_expired(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spent, "SLOTS", 64)
    table, random = SpentTable(), Random(2)
    for now in (1000, 2000, 3000):
        claimed = [random.randbytes(12) for _ in range(64)]
        assert all(table.claim(nonce, now + 500, now) for nonce in claimed)
        assert not any(table.claim(nonce, now + 500, now + 400) for nonce in claimed)
        assert not table.claim(random.randbytes(12), now + 500, now), "a full table says no"


def test_a_secret_is_found_behind_one_that_has_expired_since() -> None:
    table = SpentTable()
    assert table.claim(b"same" + b"1" * 8, 1010, 1000)
    assert table.claim(b"same" + b"2" * 8, 1500, 1000)
    assert not table.claim(b"same" + b"2" * 8, 1500, 1100)


@pytest.mark.real_time
def test_processes_share_what_they_know(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CLAIMER, str(tmp_path / "spent")]
    claimers = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    for claimer in claimers:
        claimer.stdout.readline()
    for claimer in claimers:
        claimer.stdin.write("\n")
        claimer.stdin.flush()
    counts = [int(claimer.communicate(timeout=20)[0]) for claimer in claimers]
    assert sum(counts) == 2000
    assert (tmp_path / "spent").stat().st_mode & 0o077 == 0
