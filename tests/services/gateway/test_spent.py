"""A secret is used once, by whichever process comes first."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from troupe.services.gateway import spent
from troupe.services.gateway.spent import SpentTable

CLAIMERS = """
import os
from random import Random
from troupe.services.gateway.spent import SpentTable
table, (ready, go) = SpentTable(), os.pipe()
children = []
for _ in range(3):
    told, tell = os.pipe()
    if not (child := os.fork()):
        os.close(go)
        os.read(ready, 1)
        random = Random(1)
        count = sum(table.claim(random.randbytes(12), 2000, 1000) for _ in range(3000))
        os.write(tell, count.to_bytes(4))
        os._exit(0)
    children.append((child, told))
os.close(go)  # all of them at once
print([int.from_bytes(os.read(told, 4)) for _, told in children])
for child, _ in children:
    os.waitpid(child, 0)
"""


def test_once() -> None:
    table = SpentTable()
    assert table.claim(b"a" * 12, 1100, 1000)
    assert not table.claim(b"a" * 12, 1100, 1000)
    assert table.claim(b"b" * 12, 1100, 1000)


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
def test_forked_processes_share_what_they_know() -> None:
    told = subprocess.run([sys.executable, "-c", CLAIMERS], capture_output=True, text=True, timeout=30, check=True)
    counts = json.loads(told.stdout)
    assert sum(counts) == 3000


def test_a_table_goes_with_whoever_had_it() -> None:
    before = sum(1 for _ in Path("/dev/fd").iterdir())
    tables = [SpentTable() for _ in range(20)]
    assert sum(1 for _ in Path("/dev/fd").iterdir()) > before
    del tables
    assert sum(1 for _ in Path("/dev/fd").iterdir()) <= before
