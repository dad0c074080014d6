"""HTTP for all providers: one pool of connections, with deadlines, and with answers that are read as they come.

Time-outs of HTTP libraries count from byte to byte: a model that thinks trips them, one that drips never does. Here the
deadlines are those a caller cares about (see `Deadlines`), counted in items: an event, a line, a chunk of audio. Time
in which the reader itself does something else does not count.

Leaving `HttpClient.stream` closes the request, whether its answer has ended or not, and so does cancelling.

The pool is an object and no actor: a trip through a mailbox would cost more than reading a token does, and there is no
state in it that a restart would mend.
"""

import logging
import math
import socket
import ssl
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from functools import cache, partial
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final, Generic, Self, TypeVar
from urllib.parse import urlsplit

import httpx2
from anyio import CancelScope, CapacityLimiter, current_time, move_on_after, to_thread
from msgspec import Struct

from ..runtime.deadlines import Deadlines as Timer
from .errors import BrokenStream, ProviderError, ProviderTimeout
from .http_errors import raise_transport_error, refused, request_id
from .ndjson import LineTooLong, NdjsonDecoder
from .retries import Retries, retried
from .sse import EventTooLong, SseDecoder, SseEvent
from .usage import Meter

T = TypeVar("T")

IDLE: Final = 55.0
"""Seconds that an idle connection is kept: a pause in a conversation should not cost a TLS handshake, and servers and
load balancers commonly close after 60."""
MOST_IDLE: Final = 100
"""Idle connections that are kept."""
LARGEST_COMPLAINT: Final = 64 * 1024
"""Bytes that are read of an error's body."""
DRAIN: Final = 0.25
"""Seconds that the end of a body may take after the last thing of interest in it."""


class Deadlines(Struct, frozen=True, kw_only=True):
    """Seconds that a provider may take. Only time spent waiting for it counts."""

    connect: float = 5.0
    """To a connection, TLS included."""
    first: float = 15.0
    """From the call to the first item of the answer; connecting, sending and retries included."""
    between: float = 10.0
    """From one item to the next, and to the end."""
    total: float = 300.0
    """Everything together."""


class HttpRequest(Struct, frozen=True, kw_only=True):
    """A request, ready to be sent. Its ``repr`` has neither headers nor body."""

    method: str
    url: str
    headers: Mapping[str, str] = {}
    body: bytes = b""

    def __repr__(self) -> str:
        parts = urlsplit(self.url)
        return f"HttpRequest({self.method} {parts.scheme}://{parts.hostname}{parts.path}, {len(self.body)} bytes)"


class HttpClient:
    """The pool. There is one per system, opened beside it and given to the actors that need it; see `open`."""

    def __init__(self, client: httpx2.AsyncClient, timer: Timer) -> None:
        self._client = client
        self._timer = timer

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncGenerator[Self]:
        """Open the pool; close all its connections at the end of the block.

        ::

            async with HttpClient.open() as http, open_system(child(OpenAiChat, http, settings, name="chat")) as system:
                ...
        """
        for name in ("httpx2", "httpcore2"):  # they log addresses and the headers of answers; ask for that by name
            logger = logging.getLogger(name)
            if logger.level == logging.NOTSET:
                logger.setLevel(logging.WARNING)
        client = httpx2.AsyncClient(
            verify=await to_thread.run_sync(trusted, limiter=CapacityLimiter(1)),
            headers={"user-agent": "troupe", "accept-encoding": "identity"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),  # nothing of one call may get into another
            limits=httpx2.Limits(max_connections=None, max_keepalive_connections=MOST_IDLE, keepalive_expiry=IDLE),
            follow_redirects=False,  # a key goes to the address that it was given with
        )
        async with client, Timer.open() as timer:
            yield cls(client, timer)

    @asynccontextmanager
    async def stream(
        self,
        request: HttpRequest,
        *,
        provider: str,
        deadlines: Deadlines,
        retries: Retries | None = None,
        meter: Meter | None = None,
        cautious: bool = False,
    ) -> AsyncGenerator["HttpAnswer"]:
        """Send a request and read its answer inside the block.

        Cancelling is safe at any point; the connection is closed then, and the provider stops.

        Args:
            request: What to send. It may be sent more than once, but never after a byte of a successful answer came.
            provider: The provider's name, for errors.
            deadlines: How long what may take.
            retries: The budget for sending it again; None for never.
            meter: Counts connections that are made for it, and how often it is sent again.
            cautious: Whether it costs money: then it is sent again only if it was refused, or never got there.

        Raises:
            ProviderError: The provider can't be reached, refused the request, or took too long.
        """
        started = current_time()
        allowed = min(deadlines.first, deadlines.total)
        send = partial(self._send, request, provider, deadlines.connect, meter)
        response = await retried(send, retries, allowed, meter, cautious=cautious)
        async with open_body(response) as chunks:
            cut = Cut(response.extensions["network_stream"].get_extra_info("socket"), self._timer)
            answer = HttpAnswer(response, chunks, provider, deadlines, current_time() - started, cut)
            try:
                yield answer
            except ProviderError as error:  # whoever looks into it asks the provider for this
                if answer.request_id:
                    error.details.setdefault("request_id", answer.request_id)
                raise
            finally:
                cut.forget()

    async def fetch(
        self,
        request: HttpRequest,
        *,
        provider: str,
        deadlines: Deadlines,
        retries: Retries | None = None,
        meter: Meter | None = None,
        limit: int = 16 * 2**20,
    ) -> bytes:
        """Send a request and return the body of its answer.

        Raises:
            ProviderError: As `stream`, and if the body has more than `limit` bytes.
        """
        async with self.stream(request, provider=provider, deadlines=deadlines, retries=retries, meter=meter) as answer:
            return await answer.read(limit)

    async def _send(
        self, request: HttpRequest, provider: str, connect: float, meter: Meter | None, left: float
    ) -> httpx2.Response:
        """Send a request; return the response, whose body is still to be read, if it is a success."""
        timeout = httpx2.Timeout(None, connect=connect, pool=connect)
        response: httpx2.Response | None = None
        body = b""
        with move_on_after(left):
            try:
                response = await self._client.send(
                    self._client.build_request(
                        request.method,
                        request.url,
                        headers=request.headers,
                        content=request.body,
                        timeout=timeout,
                        extensions={} if meter is None else {"trace": _Connecting(meter)},
                    ),
                    stream=True,
                )
                if not response.is_success:
                    body = await _beginning(response)
            except (httpx2.TransportError, httpx2.InvalidURL) as error:
                raise_transport_error(error, provider, begun=False)
        if response is None:
            raise ProviderTimeout(provider, "no answer in time")
        if not response.is_success:
            raise refused(provider, response.status_code, response.headers, body)
        return response


class _Connecting:
    """Notes how long it took to connect, if a request needed that: the pool tells of each step (httpcore's `trace`)."""

    __slots__ = ("_meter", "_seconds", "_started")

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._started = 0.0
        self._seconds: float | None = None

    async def __call__(self, step: str, info: Mapping[str, object]) -> None:
        match step:
            case "connection.connect_tcp.started":
                self._started = current_time()
            case "connection.connect_tcp.complete" | "connection.start_tls.complete":
                self._seconds = current_time() - self._started
            case "http11.send_request_headers.started" if self._seconds is not None:
                self._meter.connects.observe(self._seconds)
                self._seconds = None
            case _:
                pass


@cache
def trusted() -> ssl.SSLContext:
    """Load the certificates that the system trusts, which takes tens of milliseconds, once for all pools."""
    return httpx2.create_ssl_context()


@asynccontextmanager
async def open_body(response: httpx2.Response) -> AsyncGenerator[AsyncIterator[bytes]]:
    """Read a body inside the block, or as much of it as is wanted; then close it.

    Closing the generator would not do: it leaves those inside it to the garbage collector, which can't close them
    properly on any event loop. Cancelled while it reads, it ends from the innermost to the outermost.
    """
    assert isinstance(response.stream, httpx2.AsyncByteStream)
    chunks = aiter(response.stream)  # `aiter_raw` is one more generator, and a list for each chunk
    try:
        yield chunks
    finally:
        with CancelScope() as scope, suppress(httpx2.HTTPError):
            scope.cancel()
            async for _ in chunks:
                pass
        await response.aclose()


async def _beginning(response: httpx2.Response) -> bytes:
    body = bytearray()
    async with open_body(response) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) >= LARGEST_COMPLAINT:
                break
    return bytes(body[:LARGEST_COMPLAINT])


class HttpAnswer:
    """A successful answer whose body is being read, once: as chunks, events or lines."""

    def __init__(
        self,
        response: httpx2.Response,
        chunks: AsyncIterator[bytes],
        provider: str,
        deadlines: Deadlines,
        waited: float,
        cut: "Cut",
    ) -> None:
        self.headers: Mapping[str, str] = response.headers
        """Looked up in whatever case."""
        self._chunks = chunks
        self._provider = provider
        self._deadlines = deadlines
        self._waited = waited
        self._cut = cut

    @property
    def content_type(self) -> str:
        """Its media type in lower case, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def request_id(self) -> str:
        """What the provider calls the request in its own log; empty if it does not say."""
        return request_id(self.headers)

    def chunks(self) -> "Items[bytes]":
        """Read the body as the bytes come; no chunk is empty."""
        return self._items(lambda chunk: [chunk] if chunk else [])

    def events(self) -> "Items[SseEvent]":
        """Read the body as server-sent events."""
        return self._items(SseDecoder().push)

    def event_data(self) -> "Items[bytes]":
        """Read the body as server-sent events whose data say all."""
        return self._items(SseDecoder().push_data)

    def lines(self) -> "Items[bytes]":
        """Read the body as lines of JSON."""
        decoder = NdjsonDecoder()
        return self._items(decoder.push, decoder.finish)

    async def read(self, limit: int) -> bytes:
        """Read the whole body.

        Raises:
            BrokenStream: It has more than `limit` bytes, or broke off.
            ProviderTimeout: It took too long.
        """
        body = bytearray()
        async for chunk in self.chunks():
            body += chunk
            if len(body) > limit:
                raise BrokenStream(self._provider, f"the answer has more than {limit} bytes")
        return bytes(body)

    async def drain(self) -> None:
        """Read what is left of a body whose last item has come, so that the connection can be used again.

        A server that does not end its body soon loses the connection instead.
        """
        with move_on_after(DRAIN):
            async for _ in self._chunks:
                pass

    def _items(self, push: Callable[[bytes], list[T]], finish: Callable[[], list[T]] = list) -> "Items[T]":
        if (encoding := self.headers.get("content-encoding", "identity")) != "identity":
            reason = "the answer is compressed, though nobody asked for that"
            raise BrokenStream(self._provider, reason, details={"content_encoding": encoding})
        return Items(self._chunks, push, finish, self._provider, self._deadlines, self._waited, self._cut)


class Cut:
    """Ends the reading of an answer that is late, by ending its connection.

    A cancel scope for each item would do the same, and cost as much as all the rest of it: 8 µs with a timer of the
    event loop. It stands in the pool's one timer, and is not moved there with each item, but looks when its time comes
    whether that has been put off. The connection is lost either way.

    Args:
        connection: What is read from, in whatever shape the event loop has it.
        timer: The pool's.
    """

    __slots__ = ("_connection", "_due", "_looks_at", "_timer", "late", "now", "timeout")

    def __init__(self, connection: socket.socket, timer: Timer) -> None:
        self._connection = connection
        self._timer = timer
        self._due = math.inf
        self._looks_at = math.inf
        self.now = timer.now
        """The event loop's clock."""
        self.timeout = 0.0
        """Seconds from its entry in the timer until it looks; see `Expiring`."""
        self.late = False
        """Whether something did not come in time."""

    def expect(self, now: float, seconds: float) -> None:
        """Something is to come within so many seconds."""
        self._due = now + seconds
        if self._due < self._looks_at:
            self._look_in(now, seconds)

    def relax(self) -> None:
        """It has come, and nothing is waited for."""
        self._due = math.inf

    def forget(self) -> None:
        """Leave the timer: nothing is going to be waited for."""
        self._timer.remove(self)

    def _look_in(self, now: float, seconds: float) -> None:
        self._timer.remove(self)
        self.timeout, self._looks_at = seconds, now + seconds
        self._timer.add(self)

    def expire(self) -> None:
        """Look: whoever reads in vain finds the end of the body, or a broken connection."""
        now, self._looks_at = self.now(), math.inf
        if self._due == math.inf:
            return
        if self._due > now:
            self._look_in(now, self._due - now)
            return
        self.late = True
        with suppress(OSError):  # it is closed already
            one = self._connection  # uvloop's and asyncio's have no `shutdown`, or warn of it
            with socket.fromfd(one.fileno(), one.family, one.type) as same:
                same.shutdown(socket.SHUT_RDWR)


class Items(AsyncIterator[T], Generic[T]):
    """The items of a body, with the deadlines between them; ends when the body does.

    Raises, while iterating:
        ProviderTimeout: The next item did not come in time, or all of them took too long.
        BrokenStream: The connection was lost, or an item is too long.
    """

    def __init__(
        self,
        chunks: AsyncIterator[bytes],
        push: Callable[[bytes], list[T]],
        finish: Callable[[], list[T]],
        provider: str,
        deadlines: Deadlines,
        waited: float,
        cut: Cut,
    ) -> None:
        self._chunks = chunks
        self._push = push
        self._finish = finish
        self._provider = provider
        self._between = deadlines.between
        self._allowed = deadlines.first - waited
        self._left = deadlines.total - waited
        self._cut = cut
        self._late = "no answer in time"
        self._ready: deque[T] = deque()
        self._ended = False

    async def __anext__(self) -> T:
        ready = self._ready
        if not ready:
            if not self._ended:
                await self._wait()
            if not ready:
                raise StopAsyncIteration
        return ready.popleft()

    async def _wait(self) -> None:
        """Read chunks until they complete an item, or the body ends; but not for longer than is allowed."""
        ready, cut = self._ready, self._cut
        started = cut.now()
        cut.expect(started, min(self._allowed, self._left))
        try:
            while not ready:
                ready.extend(self._push(await anext(self._chunks)))
        except StopAsyncIteration:
            self._ended = True
            if not cut.late:
                ready.extend(self._finish())
        except httpx2.TransportError as error:
            if not cut.late:
                raise_transport_error(error, self._provider, begun=True)
        except (EventTooLong, LineTooLong) as error:
            raise BrokenStream(self._provider, "an item of the answer is too long") from error
        finally:
            cut.relax()
        if cut.late and not ready:
            late = "it is not done in time" if self._left <= self._allowed else self._late
            raise ProviderTimeout(self._provider, late)
        self._left -= cut.now() - started
        self._allowed, self._late = self._between, "the next item did not come in time"
