"""``troupe serve``: the voice server."""

import ipaddress
import os
from functools import partial
from pathlib import Path
from typing import Annotated, Final

import anyio
import uvicorn
from cyclopts import Parameter
from rich.console import Console

from ..choice import Choice, choose
from ..config import Config, ConfigError, Source, read_config
from ..config.showing import shown
from ..gateway.app import Gateway
from ..gateway.listening import listening_socket
from ..health import check
from ..kinds.kind import PARTS
from ..voice import voice_system
from .failing import MISCONFIGURED, fail
from .startup import refused, report

LARGEST_FRAME: Final = 24 * 2**20
"""Bytes: an append of 15 MiB of audio is 20 MiB of base64."""

Names = Annotated[list[str] | None, Parameter(negative=())]


def serve(
    *,
    config: Annotated[Path | None, Parameter(help="Configuration file; else troupe.toml, if it is there.")] = None,
    stt: Annotated[Names, Parameter(help="Speech to text, NAME or NAME/MODEL; several are a fallback chain.")] = None,
    llm: Annotated[Names, Parameter(help="Language model, likewise.")] = None,
    tts: Annotated[Names, Parameter(help="Text to speech, likewise.")] = None,
    host: Annotated[str | None, Parameter(help="Address to listen on; other than loopback it takes keys.")] = None,
    port: Annotated[int | None, Parameter(help="Port to listen on; 8000 if nothing says otherwise.")] = None,
    check_config: Annotated[bool, Parameter(negative=(), help="Print the configuration without keys; end.")] = False,
) -> None:
    """Start the server: any OpenAI Realtime client can talk to ws://HOST:PORT/v1/realtime.

    It works without a configuration: keys in the environment (OPENAI_API_KEY, ...) and local models are used if they
    are there, small embedded engines if not. Arguments go before the environment, that before the file.

    Keys that clients have to give are read from the environment variable TROUPE_API_KEYS, separated by commas; without
    any, the server listens on loopback only.
    """
    console = Console(stderr=True, highlight=False)
    arguments = {name: ",".join(names) for name, names in (("stt", stt), ("llm", llm), ("tts", tts)) if names}
    try:
        configuration, source = read_config(
            config, environ=os.environ, arguments={**arguments, "host": host, "port": port}
        )
        choice = choose(configuration, os.environ)
        if check_config:
            _show(configuration, choice, source)
            return
        _check_access(configuration)
        health = anyio.run(check, choice)
    except ConfigError as error:
        fail(str(error), MISCONFIGURED)
    console.print(report(choice, source, health))
    if problem := refused(choice, health):
        fail(problem, MISCONFIGURED)
    _serve(console, configuration, choice)


def _serve(console: Console, config: Config, choice: Choice) -> None:
    server = config.server
    try:
        listener = listening_socket(server.host, server.port)
    except OSError as error:
        fail(f"can't listen on {server.host}:{server.port}: {error.strerror}. Choose another with --port.", 1)
    host, port = listener.getsockname()[:2]
    console.print(
        f"Clients connect to [bold]ws://{host}:{port}/v1/realtime[/]; status at http://{host}:{port}/", soft_wrap=True
    )
    gateway = Gateway(server, config.voice.model, partial(voice_system, choice))
    options = uvicorn.Config(
        gateway.application(),
        ws="websockets-sansio",
        ws_max_size=LARGEST_FRAME,
        ws_per_message_deflate=False,  # base64 of noise does not compress, and trying costs more than the session
        log_level="warning",
        timeout_graceful_shutdown=10,
    )
    uvicorn.Server(options).run(sockets=[listener])


def _show(config: Config, choice: Choice, source: Source) -> None:
    """Print the configuration in effect, and who takes which part under it, as TOML."""
    print(f"# from {source}\n{shown(config)}\n\n# chosen")
    for part in PARTS:
        print(f"# {part}: {', '.join(link.name for link in choice.chain(part))}")


def _check_access(config: Config) -> None:
    """See that a door to the world has a lock.

    Raises:
        ConfigError: It has none.
    """
    server = config.server
    if not server.api_keys and not _is_loopback(server.host):
        raise ConfigError(
            f"{server.host} can be reached from outside, and there is no key. Set TROUPE_API_KEYS to one or more keys, "
            "separated by commas, or listen on 127.0.0.1.",
            "[server] api_keys",
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
