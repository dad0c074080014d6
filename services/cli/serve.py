"""``troupe serve``: the voice server."""

import errno
import ipaddress
import os
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Annotated, NamedTuple, TypeAlias

import anyio
from cyclopts import Parameter
from rich.console import Console

from ...actors.errors import first_error
from ...actors.inference.catalogue import models_folder
from ...runtime.errors import StartFailed
from ..choice import Choice, choose
from ..config import Config, ConfigError, Source, read_config
from ..config.schema import Server
from ..config.showing import shown
from ..gateway import launch
from ..gateway.app import Gateway
from ..gateway.key_file import KeyFile
from ..gateway.listening import listening_socket
from ..gateway.server import Serving
from ..gateway.shared import Shared
from ..gateway.tls import SelfSigned, TlsError, self_signed, tls_context
from ..health import check
from ..voice import VoiceSystem, voice_system
from .failing import MISCONFIGURED, fail
from .startup import refused, report


class Lock(NamedTuple):
    """What serving by TLS takes."""

    context: ssl.SSLContext
    made: SelfSigned | None = None
    """The certificate, if it was made here."""


OpensSystem: TypeAlias = Callable[[], AbstractAsyncContextManager[VoiceSystem]]
Names = Annotated[list[str] | None, Parameter(negative=())]


def serve(
    *,
    config: Annotated[Path | None, Parameter(help="Configuration file; else troupe.toml, if it is there.")] = None,
    stt: Annotated[Names, Parameter(help="Speech to text, NAME or NAME/MODEL; several are a fallback chain.")] = None,
    llm: Annotated[Names, Parameter(help="Language model, likewise.")] = None,
    tts: Annotated[Names, Parameter(help="Text to speech, likewise.")] = None,
    realtime: Annotated[Names, Parameter(help="A model that hears and speaks by itself, instead of these.")] = None,
    host: Annotated[str | None, Parameter(help="Address to listen on; other than loopback it takes keys.")] = None,
    port: Annotated[int | None, Parameter(help="Port to listen on; 8000 if nothing says otherwise.")] = None,
    workers: Annotated[
        int | None, Parameter(help="Processes that serve the port; 1 if nothing says otherwise.")
    ] = None,
    tls: Annotated[bool | None, Parameter(negative=(), help="Serve wss:, with a certificate made here.")] = None,
    tls_cert: Annotated[str | None, Parameter(help="Serve wss:, with this certificate (PEM).")] = None,
    tls_key: Annotated[str | None, Parameter(help="Its key, if that is in a file of its own.")] = None,
    record: Annotated[str | None, Parameter(help="Record all sessions into this folder, and all that is said.")] = None,
    check_config: Annotated[bool, Parameter(negative=(), help="Print the configuration without keys; end.")] = False,
) -> None:
    """Start the server: any OpenAI Realtime client can talk to ws://HOST:PORT/v1/realtime.

    It works without a configuration: keys in the environment (OPENAI_API_KEY, ...) and local models are used if they
    are there, small embedded engines if not. Arguments go before the environment, that before the file.

    Keys that clients have to give are read from the environment variable TROUPE_API_KEYS, separated by commas; without
    any, the server listens on loopback only.
    """
    console = Console(stderr=True, highlight=False, markup=False)
    chains = {"stt": stt, "llm": llm, "tts": tts, "realtime": realtime}
    arguments: dict[str, object] = {part: ",".join(names) for part, names in chains.items() if names}
    arguments |= {"host": host, "port": port, "workers": workers, "tls": tls, "tls_cert": tls_cert, "tls_key": tls_key}
    arguments["record"] = record
    places: Mapping[str, str] = {}
    try:
        configuration, source = read_config(config, environ=os.environ, arguments=arguments)
        places = source.places
        choice = choose(configuration, os.environ)
        _check_access(configuration)
        _check_workers(configuration, choice)
        folder = _folder(configuration.server)
        if check_config:
            _show(configuration, choice, source)
            return
        lock = _lock(configuration.server)
        with _listener(configuration.server) as listener:
            health = anyio.run(check, choice)
            _await_threads()
            console.print(report(choice, source, health))
            if problem := refused(choice, health):
                fail(problem, MISCONFIGURED)
            status = _serve(console, configuration, partial(voice_system, choice, record=folder), listener, lock)
    except ConfigError as error:
        fail(error.placed(places), MISCONFIGURED)
    raise SystemExit(status)


def _await_threads() -> None:
    """Wait for threads that are about to end: workers are forked, and a lock that one of them holds would stay held."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(1)


def _listener(server: Server) -> socket.socket:
    try:
        return listening_socket(server.host, server.port)
    except OSError as error:
        other = "--host" if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL else "--port"
        fail(f"can't listen on {server.host}:{server.port}: {error.strerror}. Choose another with {other}.", 1)


def _folder(server: Server) -> Path | None:
    """Return where sessions are recorded.

    Raises:
        ConfigError: Nobody can write there.
    """
    if not server.record:
        return None
    if not os.access(server.record, os.W_OK | os.X_OK):
        raise ConfigError(f"{server.record} is no folder in which this process can make files", "[server] record")
    return Path(server.record)


def _serve(console: Console, config: Config, system: OpensSystem, listener: socket.socket, lock: Lock | None) -> int:
    """Serve until told to end; return the status of the process."""
    server = config.server
    if server.record:
        console.print(f"Everything that is said is recorded in {server.record}", soft_wrap=True)
    host, port = listener.getsockname()[:2]
    address = f"{f'[{host}]' if ':' in host else host}:{port}"
    s = "s" if lock else ""
    console.print(f"Clients connect to ws{s}://{address}/v1/realtime", soft_wrap=True)
    console.print(f"Talk to it at http{s}://{address}/", soft_wrap=True)
    if lock and lock.made is not None:
        console.print(f"They have to trust {lock.made.certificate}, SHA-256 {lock.made.fingerprint}", soft_wrap=True)
    try:
        shared = Shared.of(server, workers=server.workers)
    except ValueError as error:
        raise ConfigError(str(error), "[server] signing_key") from error

    def build() -> Gateway:
        return Gateway(server, config.voice.model, system, limits=server.limits, shared=shared)

    serving = Serving(drain=server.drain, limits=server.limits, tls=lock.context if lock else None)
    if server.workers > 1:
        sys.excepthook = _tell_of_worker
    try:
        return launch.serve(build, listener, serving, workers=server.workers)
    except (StartFailed, ConfigError, ExceptionGroup) as error:
        cause = first_error(error)
        if isinstance(cause, ConfigError):
            raise cause from error
        if isinstance(cause, StartFailed):
            fail(f"it could not start: {cause}", 1)
        raise


def _tell_of_worker(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    """Tell of the error that a worker ends with: in a sentence, if it is no surprise."""
    cause = first_error(error) if isinstance(error, Exception) else error
    if isinstance(cause, ConfigError | StartFailed):
        print(f"troupe: {cause}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def _lock(server: Server) -> Lock | None:
    """Return what serving by TLS takes; None if it was not asked for.

    Raises:
        ConfigError: Certificate or key can't be used.
    """
    try:
        if server.tls_cert:
            return Lock(tls_context(Path(server.tls_cert), Path(server.tls_key) if server.tls_key else None))
        if not server.tls:
            return None
        made = self_signed(models_folder().parent / "tls", server.host)
        return Lock(tls_context(made.certificate, made.key), made)
    except TlsError as error:
        raise ConfigError(str(error), "[server] tls_cert" if server.tls_cert else "[server] tls") from error


def _show(config: Config, choice: Choice, source: Source) -> None:
    """Print the configuration in effect, and who takes which part under it, as TOML."""
    print(f"# from {source}\n{shown(config)}\n\n# chosen")
    for part in choice.parts:
        print(f"# {part}: {', '.join(link.name for link in choice.chain(part))}")


def _check_workers(config: Config, choice: Choice) -> None:
    """See that no container is run by each of several workers.

    Raises:
        ConfigError: One would be.
    """
    names = {link.provider for link in choice.links if link.service}
    if config.server.workers > 1 and names:
        first = min(names)
        raise ConfigError(
            f"each worker would start its own container of {', '.join(sorted(names))}. Have one worker; or start it "
            f"apart (`troupe service up {first}`), and give its address in [providers.{first}].",
            "[server] workers",
        )


def _check_access(config: Config) -> None:
    """See that a door to the world has a lock.

    Raises:
        ConfigError: It has none.
    """
    server = config.server
    if not (server.api_keys or server.keys_file) and not _is_loopback(server.host):
        raise ConfigError(
            f"{server.host} can be reached from outside, and there is no key. Set TROUPE_API_KEYS to one or more keys, "
            "separated by commas, or listen on 127.0.0.1.",
            "[server] host",
        )
    if server.keys_file:
        try:
            KeyFile(Path(server.keys_file)).read()
        except (OSError, ValueError) as error:
            raise ConfigError(f"the keys can't be read: {error}", "[server] keys_file") from error


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
