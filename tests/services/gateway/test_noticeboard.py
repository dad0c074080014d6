"""What workers post, their siblings read; what the dead have posted is gone."""

import json
import subprocess
import sys

import pytest
from troupe.services.gateway.noticeboard import PLACE, Noticeboard

WORKERS = """
import json, os, signal
from troupe.services.gateway.noticeboard import Noticeboard
board = Noticeboard(3)
def worker(text, posts=1):
    told, tell = os.pipe()
    if not (child := os.fork()):
        for number in range(posts):
            posted = board.post(f"{text} {number}".encode())
        os.write(tell, b"y" if posted else b"n")
        while True:
            signal.pause()
    posted = os.read(told, 1) == b"y"
    def stop():
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return posted, stop
def seen():
    return {place: notice.decode() for place, notice in board.read().items()}
told = []
(_, stop_a), (_, stop_b), (_, stop_c), (fits, stop_d) = worker("a"), worker("b", 5), worker("c"), worker("d")
told.append([seen(), fits])
stop_b(); stop_d()
told.append(seen())
fits, stop_e = worker("e")
told.append([seen(), fits])
for stop in (stop_a, stop_c, stop_e):
    stop()
told.append(seen())
print(json.dumps(told))
"""


@pytest.mark.real_time
def test_workers() -> None:
    ran = subprocess.run([sys.executable, "-c", WORKERS], capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(ran.stdout) == [
        [{"0": "a 0", "1": "b 4", "2": "c 0"}, False],
        {"0": "a 0", "2": "c 0"},
        [{"0": "a 0", "1": "e 0", "2": "c 0"}, True],
        {},
    ]


def test_a_notice_that_does_not_fit_is_not_posted() -> None:
    board = Noticeboard(1)
    assert board.post(b"first")
    assert not board.post(bytes(PLACE))
    assert board.read() == {0: b"first"}
