"""The processes of this machine, this one among them."""

import os
import socket
import subprocess
import sys
import time

import pytest
from troupe.services.bench.processes import Processes, family, is_here, listening

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")


def test_who_listens_is_found() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        assert listening(port) == []
        listener.listen()
        assert listening(port) == [os.getpid()]


@pytest.mark.parametrize(
    ("host", "here"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("192.0.2.1", False)]
)
def test_this_machine_is_known(host: str, here: bool) -> None:
    assert is_here(host) == here


def test_what_a_process_and_its_children_use() -> None:
    processes = Processes([os.getpid()])
    processes.begin(100.0)
    script = "import time; end = time.process_time() + 0.1\nwhile time.process_time() < end: pass\ninput()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as child:
        assert {os.getpid(), child.pid} <= family([os.getpid()])
        while (used := processes.look(101.0)).cpu < 0.1:
            time.sleep(0.01)
        assert used.at == 1.0
        assert used.memory > 10 * 2**20
        assert used.threads >= 2
        assert used.descriptors >= 6
        child.communicate(b"\n")
    assert processes.look(102.0).cpu >= used.cpu, "what a child has used was used"
    assert child.pid not in family([os.getpid()])
