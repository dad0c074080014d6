"""Servers with scripted providers in processes of their own, and their clients."""

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

SERVED = Path(__file__).parent / "served.py"


class Server:
    """A running server."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        self.process = process
        self.port = int(process.stdout.readline())
        self.errors = ""

    def get(self, path: str) -> tuple[int, str]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def wait_ready(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                if self.get("/readyz")[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise AssertionError("the server did not become ready")

    def session(self) -> ClientConnection:
        socket = connect(f"ws://127.0.0.1:{self.port}/v1/realtime", close_timeout=1)
        until(socket, "session.created")
        return socket

    def end(self, number: int = signal.SIGTERM) -> None:
        self.process.send_signal(number)


@contextmanager
def server(workers: int, drain: float = 5, *more: str) -> Iterator[Server]:
    command = [sys.executable, str(SERVED), str(workers), str(drain), *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield Server(process)
    finally:
        process.kill()
        process.communicate()


def until(socket: ClientConnection, kind: str) -> dict[str, Any]:
    while True:
        event: dict[str, Any] = json.loads(socket.recv(timeout=10))
        if event["type"] == kind:
            return event


def until_closed(socket: ClientConnection) -> tuple[list[str], int]:
    """Return what came, and the code with which the connection was closed."""
    kinds: list[str] = []
    while True:
        try:
            kinds.append(json.loads(socket.recv(timeout=10))["type"])
        except ConnectionClosed as closed:
            return kinds, closed.rcvd.code if closed.rcvd is not None else 1006
