"""A server without a free file descriptor, and one whose clients have all stopped reading."""

import os
import resource
import socket
import time
from pathlib import Path

import pytest
from launched import Server, server, until
from websockets.sync.client import ClientConnection, connect

pytestmark = [
    pytest.mark.real_time,
    # here connections outlive blocks
    pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning"),
]

TALK = '{"type":"response.create"}'
MANY = 40


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def descriptors(ours: Server) -> int:
    return len(list(Path(f"/proc/{ours.process.pid}/fd").iterdir()))


def test_without_descriptors_sessions_go_on_and_nobody_spins() -> None:
    with server(1) as ours:
        ours.wait_ready()
        session = ours.session()
        pid, room = ours.process.pid, 8
        most = descriptors(ours) + room
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))
        waiting = [socket.create_connection(("127.0.0.1", ours.port)) for _ in range(room * 4)]
        while descriptors(ours) < most:
            time.sleep(0.01)
        before = cpu_seconds(pid)
        time.sleep(1)
        assert cpu_seconds(pid) - before < 0.5  # seconds of work in a second: it does not try for ever
        session.send(TALK)
        until(session, "response.done")
        for each in waiting:
            each.close()
        ours.wait_ready()
        ours.session().close()
        ours.process.terminate()
        _, errors = ours.process.communicate(timeout=20)
        assert len(errors.splitlines()) < 200


@pytest.mark.timeout(180)  # five seconds on a machine with nothing else to do
def test_clients_that_stop_reading_cost_little_and_are_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSWER", "one two three four " * 30)
    with server(1) as ours:
        ours.wait_ready()
        clients = [narrow(ours) for _ in range(MANY)]
        while sessions(ours) < MANY:
            time.sleep(0.01)
        idle = most = memory(ours)
        for each in clients:
            each.send(TALK)
        while sessions(ours):
            most = max(most, memory(ours))
            time.sleep(0.05)
        assert most - idle < MANY * 256 * 1024
        for each in clients:
            each.close()


def narrow(ours: Server) -> ClientConnection:
    """Connect with as little room as there can be for what is not read, and read nothing."""
    line = socket.socket()
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line.connect(("127.0.0.1", ours.port))
    return connect(f"ws://127.0.0.1:{ours.port}/v1/realtime", sock=line, max_queue=1, close_timeout=0)


def memory(ours: Server) -> int:
    """Bytes that it holds."""
    return int(Path(f"/proc/{ours.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()


def sessions(ours: Server) -> int:
    return int(ours.get("/pid")[1].split()[1])
