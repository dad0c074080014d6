"""``troupe serve``: the voice server."""

import ipaddress
import os
import sys
from typing import Annotated, Final

import uvicorn
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from ...actors.secret import Secret
from ..gateway.access import Access
from ..gateway.app import Gateway
from ..gateway.listening import listening_socket
from ..voice import CHOICES

KEYS_VARIABLE: Final = "TROUPE_API_KEYS"
LARGEST_FRAME: Final = 24 * 2**20
"""Bytes: an append of 15 MiB of audio is 20 MiB of base64."""


def serve(
    *,
    host: Annotated[str, Parameter(help="Address to listen on; other than loopback it takes keys.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on.")] = 8000,
) -> None:
    """Start the server: any OpenAI Realtime client can talk to ws://HOST:PORT/v1/realtime.

    It works offline and without keys, with small embedded speech engines and a demonstration model. Keys that clients
    have to give are read from the environment variable TROUPE_API_KEYS, separated by commas; without any, the server
    listens on loopback only.
    """
    console = Console(stderr=True)
    keys = tuple(Secret(key) for key in os.environ.get(KEYS_VARIABLE, "").split(",") if key.strip())
    if not keys and not _is_loopback(host):
        console.print(
            f"[bold red]{host} can be reached from outside, and there is no key.[/] Set {KEYS_VARIABLE} to one or more "
            "keys, separated by commas, or listen on 127.0.0.1."
        )
        sys.exit(2)
    try:
        listener = listening_socket(host, port)
    except OSError as error:
        console.print(f"[bold red]Can't listen on {host}:{port}:[/] {error.strerror}. Choose another with --port.")
        sys.exit(1)
    table = Table("part", "provider", "why", title="Voice", title_justify="left")
    for choice in CHOICES:
        table.add_row(choice.part, choice.provider, choice.why)
    console.print(table)
    console.print(f"Clients connect to [bold]ws://{host}:{port}/v1/realtime[/]; status at http://{host}:{port}/")
    config = uvicorn.Config(
        Gateway(Access(keys)).application(),
        ws="websockets-sansio",
        ws_max_size=LARGEST_FRAME,
        ws_per_message_deflate=False,  # base64 of noise does not compress, and trying costs more than the session
        log_level="warning",
        timeout_graceful_shutdown=10,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
