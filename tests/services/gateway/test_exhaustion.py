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
UPDATE = '{"type":"session.update","session":{"type":"realtime","instructions":"%s"}}' % ("x" * 8000)
UPDATES = 30
"""A quarter of a megabyte of answers, which is more than the kernel keeps for a client."""


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


def test_clients_that_stop_reading_cost_little_and_are_cut_off() -> None:
    many = 40
    with server(1) as ours:
        ours.wait_ready()
        readers = [ours.session() for _ in range(many)]
        for each in readers:
            each.send(TALK)
        for each in readers:
            until(each, "response.done")
        with_readers = memory(ours)
        for each in readers:
            each.close()
        deaf = [stop_reading(ours) for _ in range(many)]
        most = 0
        while sessions(ours):
            most = max(most, memory(ours))
            time.sleep(0.05)
        assert most - with_readers < many * 256 * 1024
        for each in deaf:
            each.close()


def stop_reading(ours: Server) -> ClientConnection:
    """Ask for more than the kernel keeps, and read none of it."""
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.connect(("127.0.0.1", ours.port))
    connection = connect(f"ws://127.0.0.1:{ours.port}/v1/realtime", sock=narrow, max_queue=1, close_timeout=0)
    for _ in range(UPDATES):
        connection.send(UPDATE)
    return connection


def memory(ours: Server) -> int:
    """Bytes that it holds."""
    return int(Path(f"/proc/{ours.process.pid}/statm").read_text().split()[1]) * resource.getpagesize()


def sessions(ours: Server) -> int:
    return int(ours.get("/pid")[1].split()[1])
