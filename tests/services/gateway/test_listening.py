"""Listening sockets: addresses of both families, and limits that connections inherit."""

import socket

import pytest
from troupe.services.gateway.listening import SEND_BUFFER, USER_TIMEOUT, authority, listening_socket


@pytest.mark.parametrize(
    ("host", "reached_at", "shown"),
    [
        ("127.0.0.1", "127.0.0.1", "127.0.0.1:{port}"),
        ("localhost", "127.0.0.1", "127.0.0.1:{port}"),
        ("0.0.0.0", "127.0.0.1", "0.0.0.0:{port}"),
        ("::1", "::1", "[::1]:{port}"),
        ("::", "127.0.0.1", "[::]:{port}"),
    ],
)
def test_clients_reach_it_and_people_can_read_where(host: str, reached_at: str, shown: str) -> None:
    try:
        listener = listening_socket(host, 0)
    except OSError:
        if ":" not in host:
            raise
        pytest.skip("this machine has no IPv6")
    with listener:
        port = listener.getsockname()[1]
        assert authority(listener) == shown.format(port=port)
        with socket.create_connection((reached_at, port)):
            accepted, _ = listener.accept()
            with accepted:
                # Linux shows twice what was asked for: half of it is for its own bookkeeping
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) <= 2 * SEND_BUFFER
                assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                if hasattr(socket, "TCP_USER_TIMEOUT"):
                    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == USER_TIMEOUT


def test_a_port_that_is_taken_is_an_error() -> None:
    with listening_socket("127.0.0.1", 0) as listener, pytest.raises(OSError, match="in use"):
        listening_socket("127.0.0.1", listener.getsockname()[1])
