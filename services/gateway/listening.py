"""The listening socket, set up so that a client which stops reading is neither fed for long nor waited for.

Measured on Linux with default options: the kernel takes 4 MB for such a client, which is a minute of speech that no
interruption can take back, and keep-alive pings wait behind it for ever.
"""

import socket
from typing import Final

SEND_BUFFER: Final = 32 * 1024
"""Bytes the kernel may hold for one client; it doubles them for its own bookkeeping. A second of speech in base64 is 64
thousand bytes."""
BACKLOG: Final = 1024
"""Connections that may wait to be accepted."""
USER_TIMEOUT: Final = 10_000
"""Milliseconds that sent data may go unacknowledged, or unread behind a closed window, before the connection drops.

The deadline of a frame is shorter, but only runs where there is another frame to send. With 4 s here, a client that
read at half speed through a window smaller than a segment was taken for one that does not read.
"""
KEEPALIVE: Final = {"TCP_KEEPIDLE": 20, "TCP_KEEPINTVL": 10, "TCP_KEEPCNT": 3}
"""Seconds of silence after which the kernel asks whether a client is still there, how often, how many times."""


def listening_socket(host: str, port: int) -> socket.socket:
    """Open a socket whose connections inherit these limits; port 0 takes any free one.

    Args:
        host: Name or address; ``::`` is all addresses, IPv4 ones included, ``0.0.0.0`` all of IPv4. Of a name that has
            both, such as ``localhost``, it is the IPv4 one.
        port: The port.

    Raises:
        OSError: The address is taken, or is none of this machine's.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = min(found, key=lambda each: each[0] != socket.AF_INET)
    listener = socket.socket(family, kind, protocol)
    try:
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(address[0] != "::"))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # asyncio leaves it to us on sockets it is given
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in KEEPALIVE.items():
            if hasattr(socket, name):
                listener.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
        if hasattr(socket, "TCP_USER_TIMEOUT"):  # Linux
            listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def authority(listener: socket.socket) -> str:
    """Return what a URL names a listening socket by: address and port, an IPv6 address in brackets."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
