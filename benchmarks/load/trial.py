"""One run: a server process, a load process, and what the server used meanwhile."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

HERE = Path(__file__).parents[1]
TICKS = os.sysconf("SC_CLK_TCK")


class Trial(msgspec.Struct, kw_only=True):
    """What came of it."""

    sessions: int
    seconds: float
    cpu: float
    """Seconds of CPU that the server used in that time."""
    memory: int
    """Bytes that it held at the end, less what it held without sessions."""
    switches: int
    """Times that it was woken up, by itself or by the kernel."""
    seen: dict[str, Any]

    @property
    def cpu_per_session(self) -> float:
        """Milliseconds of CPU for one second of one session."""
        return self.cpu / self.seconds / max(1, self.sessions) * 1000


def run(
    kind: str,
    workload: str,
    *,
    sessions: int,
    seconds: float,
    warm_up: float = 3.0,
    sentences: int = 20,
    profile: str | None = None,
) -> Trial:
    """Measure `sessions` sessions on a fresh server."""
    extra = ["--profile", profile] if profile else []
    with process("load.server", kind, "--sentences", str(sentences), *extra) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        before = memory(server.pid)
        with process(
            "load.client", port, workload, "--sessions", str(sessions), "--seconds", str(seconds), "--warm-up",
            str(warm_up),
        ) as client:  # fmt: skip
            assert client.stdout is not None
            if not client.stdout.readline():
                raise RuntimeError("the load generator failed; see above")
            cpu, switches = _cpu(server.pid), _switches(server.pid)
            seen = json.loads(client.stdout.readline())
            return Trial(
                sessions=sessions,
                seconds=seconds,
                cpu=_cpu(server.pid) - cpu,
                memory=memory(server.pid) - before,
                switches=_switches(server.pid) - switches,
                seen=seen,
            )


@contextmanager
def process(module: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Run a module of this package until the block ends; it ends with its standard input."""
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=HERE,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def memory(pid: int) -> int:
    """Return the bytes that a process holds in memory."""
    return _status(pid, "VmRSS") * 1024


def threads(pid: int) -> int:
    """Return how many threads a process has."""
    return _status(pid, "Threads")


def descriptors(pid: int) -> int:
    """Return how many file descriptors a process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _switches(pid: int) -> int:
    return _status(pid, "voluntary_ctxt_switches")


def _status(pid: int, name: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(name)
