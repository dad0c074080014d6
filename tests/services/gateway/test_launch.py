"""Servers in processes of their own: how they end, what becomes of workers that die, and TLS."""

import http.client
import os
import signal
import ssl
import time
from pathlib import Path

import pytest
from launched import Server, server, until, until_closed
from websockets.exceptions import ConnectionClosedError, InvalidStatus
from websockets.sync.client import ClientConnection, connect

pytestmark = [
    pytest.mark.real_time,
    # here connections outlive blocks
    pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning"),
]


def test_a_server_that_is_told_to_end_lets_turns_end_and_sends_new_ones_away() -> None:
    with server(1) as ours:
        ours.wait_ready()
        idle, busy = ours.session(), ours.session()
        busy.send('{"type":"response.create"}')
        until(busy, "response.created")
        ours.end()
        assert until_closed(idle) == ([], 1012)
        before = time.monotonic()
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://127.0.0.1:{ours.port}/v1/realtime")
        assert time.monotonic() - before < 0.5  # 50 ms on a machine with nothing else to do
        assert refused.value.response.status_code == 503
        assert "Retry-After" in refused.value.response.headers
        assert ours.get("/readyz")[0] == 503
        kinds, code = until_closed(busy)
        assert kinds[-1] == "response.done"
        assert code == 1012
        assert ours.process.wait(5) == 0


def test_turns_that_take_too_long_are_cut_off() -> None:
    with server(1, 0.1) as ours:
        ours.wait_ready()
        busy = ours.session()
        busy.send('{"type":"response.create"}')
        until(busy, "response.output_audio.delta")
        ours.end(signal.SIGINT)
        kinds, code = until_closed(busy)
        assert code == 1012
        assert "response.done" not in kinds
        assert ours.process.wait(5) == 0


def test_a_second_signal_ends_it_at_once() -> None:
    with server(1, 60) as ours:
        ours.wait_ready()
        busy = ours.session()
        busy.send('{"type":"response.create"}')
        until(busy, "response.created")
        ours.end()
        while ours.get("/readyz")[0] == 200:
            pass
        ours.end()
        assert ours.process.wait(2) == 1


def test_workers_share_connections_evenly_and_one_that_dies_harms_nobody_else() -> None:
    with server(2) as ours:
        ours.wait_ready()
        sessions = [ours.session() for _ in range(6)]
        shares = share_out(ours)
        assert sorted(shares.values()) == [3, 3]
        victim = next(iter(shares))
        before = time.monotonic()
        os.kill(victim, signal.SIGKILL)
        ended = [each for each in sessions if is_cut_off(each)]
        assert len(ended) == 3
        assert time.monotonic() - before < 1  # at once; pings would take half a minute
        for each in sessions:
            if each not in ended:
                each.send('{"type":"response.create","response":{"output_modalities":["text"]}}')
                until(each, "response.done")
        after = share_out(ours)
        assert victim not in after
        assert sorted(after.values()) == [0, 3]
        ours.end()
        assert {until_closed(each)[1] for each in sessions if each not in ended} == {1012}
        assert ours.process.wait(8) == 0
        assert all(is_gone(pid) for pid in after)
        assert ours.process.stderr is not None
        assert "SIGKILL" in ours.process.stderr.read()


def test_workers_end_with_their_parent() -> None:
    with server(2) as ours:
        ours.wait_ready()
        session = ours.session()
        workers = share_out(ours)
        ours.process.kill()
        assert until_closed(session)[1] == 1012
        deadline = time.monotonic() + 5
        while not all(is_gone(pid) for pid in workers):
            assert time.monotonic() < deadline
            time.sleep(0.02)


def share_out(ours: Server) -> dict[int, int]:
    """Return how many sessions each worker has; by connections that are held until all have answered."""
    shares: dict[int, int] = {}
    deadline = time.monotonic() + 10
    while len(shares) < 2:
        assert time.monotonic() < deadline
        held = [http.client.HTTPConnection("127.0.0.1", ours.port, timeout=5) for _ in range(4)]
        for connection in held:
            connection.request("GET", "/pid")
        for connection in held:
            pid, sessions = connection.getresponse().read().split()
            shares[int(pid)] = int(sessions)
        for connection in held:
            connection.close()
    return shares


def is_cut_off(socket: ClientConnection) -> bool:
    try:
        socket.recv(timeout=0.1)
    except TimeoutError:
        return False
    except ConnectionClosedError:
        return True
    raise AssertionError("nothing was to come")


def is_gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_the_official_client_talks_over_wss(tmp_path: Path) -> None:
    openai = pytest.importorskip("openai", reason="the official client is in the dependency group `contract`")
    pytest.importorskip("cryptography", reason="the extra `tls`")
    with server(1, 1, str(tmp_path)) as ours:
        context = ssl.create_default_context(cafile=tmp_path / "certificate.pem")
        client = openai.OpenAI(
            api_key="key", base_url="https://unused.invalid", websocket_base_url=f"wss://127.0.0.1:{ours.port}/v1"
        )
        options = {"ssl": context, "open_timeout": 10}
        with client.realtime.connect(model="gpt-realtime", websocket_connection_options=options) as connection:
            connection.response.create(response={"output_modalities": ["text"]})
            kinds = []
            for event in connection:
                kinds.append(event.type)
                if event.type == "response.done":
                    break
        assert "response.output_text.delta" in kinds
        ours.end()
        assert ours.process.wait(5) == 0
