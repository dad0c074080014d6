"""The Docker Engine, over HTTP on its Unix socket.

Not with the ``docker`` package: that blocks, so each stream of events, logs and statistics would hold a thread, and a
thread can't be cancelled. Here a hung engine costs a deadline, and leaving a block closes its connection.

Paths carry no version of the API: the engine takes its own then, and nothing that is sent or read here has changed
since 1.41. A fixed one ages: engine 29 knows none below 1.44.
"""

import errno
import math
import os
import ssl
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Generic, NoReturn, Protocol, Self, TypeVar

import httpx2
import msgspec
from anyio import CancelScope, current_time, fail_after, sleep
from msgspec import Struct

from ...actors.http import open_body
from ...actors.ndjson import NdjsonDecoder
from ..config.errors import ConfigError
from .errors import EngineAbsent, EngineForbidden, EngineRefused, EngineSilent
from .wire import (
    Container,
    Created,
    EngineEvent,
    ExecState,
    Image,
    Info,
    Json,
    LineDecoder,
    Listed,
    LogLine,
    Network,
    OutputDecoder,
    Progress,
    Sample,
    Usage,
    usage,
)

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

SOCKET: Final = "/var/run/docker.sock"
CALL: Final = 20.0
"""Seconds that a call may take, unless said otherwise."""
PULL_SILENCE: Final = 120.0
"""Seconds without a word after which a pull is given up."""
BUILD_SILENCE: Final = 1800.0
"""Seconds without a word after which a build is given up: a step that compiles says little."""
MOST_OUTPUT: Final = 1 << 20
"""Bytes that are kept of what a command writes."""


class ExecResult(Struct, frozen=True, kw_only=True):
    """How a command in a container ended."""

    exit_code: int
    stdout: bytes
    stderr: bytes


def socket_of(environ: Mapping[str, str]) -> Path:
    """Return the engine's socket: that of ``DOCKER_HOST``, the usual one, or that of an engine without root.

    Raises:
        ConfigError: ``DOCKER_HOST`` names something else than a Unix socket.
    """
    if host := environ.get("DOCKER_HOST", ""):
        kind, _, path = host.partition("://")
        if kind != "unix" or not path:
            raise ConfigError(
                f"{host} is no Unix socket; services are found on this machine's loopback, so the engine has to be "
                "on it, too: unix:///var/run/docker.sock",
                "DOCKER_HOST",
            )
        return Path(path)
    rootless = Path(environ.get("XDG_RUNTIME_DIR") or "/nowhere") / "docker.sock"
    return rootless if rootless.exists() and not Path(SOCKET).exists() else Path(SOCKET)


def local_client(limits: httpx2.Limits, socket: Path | None = None) -> httpx2.AsyncClient:
    """Return a client for what is on this machine: no proxies, and no certificates, which take a while to load.

    Args:
        limits: Of its pool.
        socket: The Unix socket that all its requests go to; None for those that their addresses name.
    """
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    transport = httpx2.AsyncHTTPTransport(uds=str(socket) if socket else None, verify=nobody, limits=limits)
    return httpx2.AsyncClient(
        transport=transport, base_url="http://engine" if socket else "", trust_env=False, timeout=None
    )


class Engine:
    """A connection to the engine; there is one per system, opened beside it. See `open`.

    Each method raises an `EngineError` if the engine is not there, refuses, or takes longer than it may; cancelling
    any of them is safe, though what the engine has begun it may well finish.
    """

    def __init__(self, client: httpx2.AsyncClient, socket: Path) -> None:
        self.socket = socket
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(cls, socket: Path | None = None) -> AsyncGenerator[Self]:
        """Give a connection that is closed at the end of the block. Whether an engine is there is not asked yet.

        Args:
            socket: Its Unix socket; None is that of `socket_of` this process.
        """
        socket = socket or socket_of(os.environ)
        transport = httpx2.AsyncHTTPTransport(uds=str(socket), limits=httpx2.Limits(max_connections=None))
        # whatever the system's proxies and certificates are, they do not matter here
        client = httpx2.AsyncClient(transport=transport, base_url="http://engine", trust_env=False, timeout=None)
        async with client:
            yield cls(client, socket)

    # -- the engine ------------------------------------------------------------------------------------------------

    async def info(self) -> Info:
        """Ask what engine it is, and what machine it has."""
        return await self._get("/info", Info)

    async def wait_available(self, pause: float = 0.25) -> None:
        """Wait until it answers. Bound it by a deadline."""
        while True:
            try:
                await self._send("GET", "/_ping", timeout=5)
            except (EngineAbsent, EngineSilent, EngineRefused):
                await sleep(pause)
            else:
                return

    @asynccontextmanager
    async def events(self, filters: Mapping[str, list[str]], since: float) -> AsyncGenerator["Feed[EngineEvent]"]:
        """Read the events of containers inside the block; the engine has begun to tell when it is entered.

        Args:
            filters: As ``{"container": [id]}`` or ``{"label": ["name=value"]}``.
            since: From when on, in seconds since 1970.
        """
        query = {"filters": _json({"type": ["container"], **filters}), "since": f"{since:.9f}"}
        decode = msgspec.json.Decoder(EngineEvent).decode
        async with self._stream("GET", "/events", query) as chunks:
            yield Feed(chunks, _Lines(decode))

    # -- containers ------------------------------------------------------------------------------------------------

    async def create(self, name: str, body: Json, platform: str = "") -> str:
        """Make a container; return its id."""
        query = {"name": name, "platform": platform} if platform else {"name": name}
        answer = await self._send("POST", "/containers/create", query, _json(body).encode())
        return msgspec.json.decode(answer, type=Created).id

    async def start(self, container: str) -> None:
        """Start a container."""
        await self._send("POST", f"/containers/{container}/start")

    async def stop(self, container: str, grace: float) -> None:
        """Ask a container to end; kill it after its grace. It is no error if it has ended."""
        query = {"t": str(max(0, round(grace)))}
        await self._gone_is_fine("POST", f"/containers/{container}/stop", query, timeout=grace + CALL)

    async def kill(self, container: str, signal: str = "SIGKILL") -> None:
        """Send a signal to a container."""
        await self._gone_is_fine("POST", f"/containers/{container}/kill", {"signal": signal})

    async def remove(self, container: str) -> None:
        """Remove a container, running or not, and its nameless volumes. It is no error if it is gone."""
        await self._gone_is_fine("DELETE", f"/containers/{container}", {"force": "true", "v": "true"}, timeout=60)

    async def inspect(self, container: str) -> Container:
        """Ask how a container is."""
        return await self._get(f"/containers/{container}/json", Container)

    async def list(self, *labels: str) -> tuple[Listed, ...]:
        """Return the containers, running or not, that have these labels: ``name`` or ``name=value``."""
        query = {"all": "true", "filters": _json({"label": list(labels)})}
        return await self._get("/containers/json", tuple[Listed, ...], query)

    @asynccontextmanager
    async def logs(self, container: str, *, follow: bool, tail: int | None = None) -> AsyncGenerator["Feed[LogLine]"]:
        """Read what a container writes inside the block, line by line.

        Args:
            container: Which.
            follow: Whether to go on until it ends.
            tail: How many of the last lines to begin with; None for all.
        """
        query = {"stdout": "true", "stderr": "true", "tail": "all" if tail is None else str(tail)}
        query["follow"] = "true" if follow else "false"
        async with self._stream("GET", f"/containers/{container}/logs", query) as chunks:
            yield Feed(chunks, LineDecoder())

    @asynccontextmanager
    async def statistics(self, container: str) -> AsyncGenerator["Feed[Usage]"]:
        """Read what a container uses inside the block, once a second."""
        decode = msgspec.json.Decoder(Sample).decode
        async with self._stream("GET", f"/containers/{container}/stats", {"stream": "true"}) as chunks:
            yield Feed(chunks, _Lines(lambda line: usage(decode(line))))

    async def execute(self, container: str, command: tuple[str, ...], *, timeout: float = CALL) -> ExecResult:
        """Run a command in a container; return what it wrote, of each stream the first `MOST_OUTPUT` bytes.

        The engine has no way to end a command: one that is given up goes on until it, or its container, ends.
        """
        body: Json = {"Cmd": list(command), "AttachStdout": True, "AttachStderr": True}
        answer = await self._send("POST", f"/containers/{container}/exec", {}, _json(body).encode())
        run = msgspec.json.decode(answer, type=Created).id
        written = {"stdout": bytearray(), "stderr": bytearray()}
        try:
            with fail_after(timeout):
                async with self._stream("POST", f"/exec/{run}/start", {}, b'{"Detach": false, "Tty": false}') as chunks:
                    decoder = OutputDecoder()
                    async for chunk in chunks:
                        for stream, piece in decoder.push(chunk):
                            written[stream] += piece[: MOST_OUTPUT - len(written[stream])]
                state = await self._get(f"/exec/{run}/json", ExecState)
        except TimeoutError:
            raise EngineSilent(f"{command[0]} did not end within {timeout:g} s") from None
        code = -1 if state.exit_code is None else state.exit_code
        return ExecResult(exit_code=code, stdout=bytes(written["stdout"]), stderr=bytes(written["stderr"]))

    # -- images, networks, volumes ---------------------------------------------------------------------------------

    async def image(self, name: str) -> Image | None:
        """Return an image, or None if it is not here."""
        try:
            return await self._get(f"/images/{name}/json", Image)
        except EngineRefused as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise

    @asynccontextmanager
    async def pull(self, name: str) -> AsyncGenerator["Feed[Progress]"]:
        """Fetch an image inside the block; read how it goes to the end. An error may be in what is read."""
        base, tag = _reference(name)
        query = {"fromImage": base, "tag": tag}
        decode = msgspec.json.Decoder(Progress).decode
        async with self._stream("POST", "/images/create", query, silence=PULL_SILENCE) as chunks:
            yield Feed(chunks, _Lines(decode), PULL_SILENCE)

    @asynccontextmanager
    async def build(self, context: bytes, query: Mapping[str, str]) -> AsyncGenerator["Feed[Progress]"]:
        """Build an image inside the block; read how it goes to the end. An error may be in what is read.

        Args:
            context: A tar archive.
            query: As the API has it: ``t``, ``dockerfile``, ``target``, ``buildargs``.
        """
        decode = msgspec.json.Decoder(Progress).decode
        async with self._stream("POST", "/build", query, context, silence=BUILD_SILENCE) as chunks:
            yield Feed(chunks, _Lines(decode), BUILD_SILENCE)

    async def load(self, archive: bytes, name: str) -> None:
        """Make an image of a root file system: a tar archive."""
        base, tag = _reference(name)
        await self._send("POST", "/images/create", {"fromSrc": "-", "repo": base, "tag": tag}, archive, timeout=120)

    async def ensure_network(self, name: str, labels: Mapping[str, str]) -> None:
        """Make a network, unless it is there."""
        body: Json = {"Name": name, "Driver": "bridge", "CheckDuplicate": True, "Labels": dict(labels)}
        try:
            await self._send("POST", "/networks/create", {}, _json(body).encode())
        except EngineRefused as error:
            if error.status != HTTPStatus.CONFLICT:
                raise

    async def networks(self, *labels: str) -> tuple[Network, ...]:
        """Return the networks that have these labels: ``name`` or ``name=value``."""
        return await self._get("/networks", tuple[Network, ...], {"filters": _json({"label": list(labels)})})

    async def remove_network(self, name: str) -> None:
        """Remove a network. It is no error if it is gone, or still in use."""
        try:
            await self._gone_is_fine("DELETE", f"/networks/{name}")
        except EngineRefused as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise

    # -- HTTP ------------------------------------------------------------------------------------------------------

    async def _get(self, path: str, form: type[T], query: Mapping[str, str] | None = None) -> T:
        answer = await self._send("GET", path, query or {})
        return msgspec.json.decode(answer, type=form)

    async def _gone_is_fine(
        self, method: str, path: str, query: Mapping[str, str] | None = None, timeout: float = CALL
    ) -> None:
        try:
            await self._send(method, path, query or {}, timeout=timeout)
        except EngineRefused as error:
            # 304 and 409: it has ended, or is being removed already
            if error.status not in {HTTPStatus.NOT_MODIFIED, HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT}:
                raise

    async def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        timeout: float = CALL,
    ) -> bytes:
        """Send a request; return the body of its answer."""
        try:
            with fail_after(timeout):
                async with self._stream(method, path, query or {}, body, silence=timeout) as answer:
                    return await answer.read()
        except TimeoutError:
            raise EngineSilent(f"the engine did not answer within {timeout:g} s: {self.socket}") from None

    @asynccontextmanager
    async def _stream(
        self, method: str, path: str, query: Mapping[str, str], body: bytes = b"", *, silence: float = CALL
    ) -> AsyncGenerator["_Body"]:
        """Send a request; give the body of its answer inside the block."""
        kind = "application/x-tar" if body[:1] not in {b"", b"{"} else "application/json"
        request = self._client.build_request(
            method, path, params=dict(query), content=body, headers={"content-type": kind} if body else {}
        )
        response: httpx2.Response | None = None
        with CancelScope(deadline=current_time() + silence):
            try:
                response = await self._client.send(request, stream=True)
            except httpx2.TransportError as error:
                self.lost(error)
        if response is None:
            raise EngineSilent(f"the engine did not answer within {silence:g} s: {self.socket}")
        async with open_body(response) as chunks:
            whole = _Body(self, chunks)
            if not response.is_success:
                raise EngineRefused(response.status_code, _message(await whole.read()))
            yield whole

    def lost(self, error: httpx2.TransportError) -> NoReturn:
        """Say why there is no connection.

        Raises:
            EngineForbidden: This user may not use the socket.
            EngineAbsent: It is not there, or nobody answers.
        """
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__cause__ or cause.__context__
        number = cause.errno if isinstance(cause, OSError) else None
        if number in {errno.EACCES, errno.EPERM}:
            raise EngineForbidden(
                f"this user may not use the Docker Engine at {self.socket}; add the user to its group (`sudo usermod "
                "-aG docker $USER`, then log in again), or use an engine of the user's own (rootless)"
            ) from error
        if number == errno.ENOENT:
            raise EngineAbsent(
                f"there is no Docker Engine at {self.socket}; install one (Debian: `apt-get install docker.io`), start "
                "it, or say where it is: DOCKER_HOST=unix:///…"
            ) from error
        if number == errno.ECONNREFUSED:
            raise EngineAbsent(f"the Docker Engine at {self.socket} does not run; start it (`dockerd`)") from error
        raise EngineAbsent(f"the connection to the Docker Engine at {self.socket} was lost") from error


class _Body(AsyncIterator[bytes]):
    """The bytes of an answer as they come."""

    def __init__(self, engine: Engine, chunks: AsyncIterator[bytes]) -> None:
        self._engine = engine
        self._chunks = chunks

    async def __anext__(self) -> bytes:
        try:
            return await anext(self._chunks)
        except httpx2.TransportError as error:
            self._engine.lost(error)

    async def read(self) -> bytes:
        """Read all of it."""
        return b"".join([chunk async for chunk in self])


class Decoder(Protocol[T_co]):
    """Makes items of bytes."""

    def push(self, data: bytes, /) -> Sequence[T_co]:
        """Take bytes; return the items that they complete."""
        ...

    def finish(self) -> Sequence[T_co]:
        """Return what the end of the bytes completes."""
        ...


class Feed(AsyncIterator[T], Generic[T]):
    """The items of an answer as they come; it ends when the engine ends it.

    Raises, while iterating:
        EngineAbsent: The connection was lost.
        EngineSilent: It said nothing for as long as it may.
    """

    def __init__(self, body: _Body, decoder: Decoder[T], silence: float = math.inf) -> None:
        self._body = body
        self._decoder = decoder
        self._silence = silence
        self._ready: deque[T] = deque()
        self._ended = False

    async def __anext__(self) -> T:
        while not self._ready and not self._ended:
            try:
                with fail_after(None if self._silence == math.inf else self._silence):
                    self._ready.extend(self._decoder.push(await anext(self._body)))
            except StopAsyncIteration:
                self._ended = True
                self._ready.extend(self._decoder.finish())
            except TimeoutError:
                raise EngineSilent(f"the engine said nothing for {self._silence:g} s") from None
        if not self._ready:
            raise StopAsyncIteration
        return self._ready.popleft()


class _Lines:
    """Makes values of lines of JSON."""

    def __init__(self, decode: Callable[[bytes], Any]) -> None:
        self._lines = NdjsonDecoder()
        self._decode = decode

    def push(self, data: bytes) -> list[Any]:
        return [self._decode(line) for line in self._lines.push(data)]

    def finish(self) -> list[Any]:
        return [self._decode(line) for line in self._lines.finish()]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _message(complaint: bytes) -> str:
    """Return the engine's own words; they name images, containers and ports, and nothing of what users say."""
    try:
        told = msgspec.json.decode(complaint, type=dict[str, Any])
    except msgspec.MsgspecError:
        return complaint[:200].decode(errors="replace").strip()
    return str(told.get("message", ""))


def _reference(name: str) -> tuple[str, str]:
    """Split the name of an image into its base and its tag or digest."""
    base, _, digest = name.partition("@")
    if digest:
        return base, digest
    if ":" in name.rpartition("/")[2]:
        base, _, tag = name.rpartition(":")
        return base, tag
    return name, "latest"
