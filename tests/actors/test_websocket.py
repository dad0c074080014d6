"""The client over real sockets: what goes wrong in a handshake, in a frame and at the end, and that nothing hangs."""

import logging
import math
import socket
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, closing

import anyio
import pytest
from anyio import create_task_group, fail_after, move_on_after, sleep
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    InvalidRequest,
    ProviderError,
    ProviderFailed,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
    RequestTooLong,
)
from troupe.actors.http import Deadlines, HttpRequest
from troupe.actors.retries import Retries
from troupe.actors.websocket import SocketRequest, WebSocket, connect
from troupe.services.wire import (
    Close,
    Cut,
    Deaf,
    Drip,
    End,
    Exchange,
    Fault,
    Insert,
    Late,
    Refuse,
    Replace,
    Reset,
    Stall,
    WireServer,
)
from troupe.services.wire.answers import Answer
from troupe.services.wire.openai.refusals import refusal
from troupe.services.wire.server import Handler
from troupe.services.wire.socket import SocketHandler, WireSocket

pytestmark = pytest.mark.real_time

KEY = "sk-canary-777"


def named(value: object) -> str | None:
    return value.__name__ if isinstance(value, type) else repr(value)[:40]


class EchoWire(WireServer):
    """Sends everything back, and says goodbye when asked to; `/flood` sends without being asked."""

    def handlers(self) -> dict[tuple[str, str], Handler]:
        return {}

    def sockets(self) -> dict[str, SocketHandler]:
        return {"/echo": self._echo, "/flood": self._flood}

    def refuse(self, status: int, code: str | None = None) -> Answer:
        return refusal(status, code)

    async def _echo(self, wire: WireSocket) -> None:
        await wire.accept({"x-request-id": "req_1"})
        while (message := await wire.receive()) != "bye":
            await wire.send(message)

    async def _flood(self, wire: WireSocket) -> None:
        await wire.accept({})
        for number in range(int(wire.query["count"])):
            await wire.send(number.to_bytes(4) * 2500)


@pytest.fixture(scope="module")
def running_server() -> Iterator[EchoWire]:
    with EchoWire() as server:
        yield server


@pytest.fixture
def server(running_server: EchoWire) -> EchoWire:
    running_server.reset()
    return running_server


@asynccontextmanager
async def connected(
    server: EchoWire | str,
    path: str = "/echo?secret=1",
    retries: Retries | None = None,
    largest: int = 2**20,
    **deadlines: float,
) -> AsyncGenerator[WebSocket]:
    url = server if isinstance(server, str) else server.url
    request = SocketRequest.of(HttpRequest(method="GET", url=url + path, headers={"authorization": f"Token {KEY}"}))
    assert "secret" not in repr(request)
    assert KEY not in repr(request)
    limits = Deadlines(**deadlines)
    async with connect(request, provider="echo", deadlines=limits, retries=retries, largest=largest) as connection:
        yield connection


async def ended(exchange: Exchange) -> str:
    with fail_after(2):
        while not exchange.ended.is_set():
            await sleep(0.002)
    return exchange.outcome


async def test_messages_go_both_ways_and_the_end_is_in_good_order(server: EchoWire) -> None:
    large = bytes(range(256)) * 3000
    async with connected(server) as connection:
        for message in ("Grüße 🎭", "", b"", b"\x00\xff", large):
            await connection.send(message)
            assert await connection.receive() == message
        await connection.send("bye")
        assert [message async for message in connection] == []
        assert connection.request_id == "req_1"
    assert await ended(server.last("/echo")) == "served"
    assert server.last("/echo").query == {"secret": ["1"]}
    assert server.last("/echo").headers["authorization"] == f"Token {KEY}"


async def test_leaving_says_goodbye_and_an_error_does_not(server: EchoWire) -> None:
    async with connected(server):
        pass
    assert await ended(server.last("/echo")) == "served"
    with pytest.raises(LookupError):
        async with connected(server):
            raise LookupError
    assert await ended(server.last("/echo")) == "left"


@pytest.mark.parametrize("faults", [(Drip(1),), (Drip(7), Insert(1, b"x" * 200))], ids=named)
async def test_messages_are_whole_however_they_come(server: EchoWire, faults: tuple[Fault, ...]) -> None:
    server.fail("/echo", *faults)
    async with connected(server) as connection:
        await connection.send("Grüße")
        await connection.send(b"1" * 300)
        got = [await connection.receive() for _ in range(1 + len(faults))]
    assert [got[0], got[-1]] == ["Grüße", b"1" * 300]


class TestHandshakes:
    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Refuse(401), AuthenticationFailed),
            (Refuse(402), QuotaExceeded),
            (Refuse(403), AuthenticationFailed),
            (Refuse(404, html=True), ProviderFailed),
            (Refuse(429, retry_after=77), RateLimited),
            (Refuse(502, html=True), ProviderUnavailable),
            (Refuse(200, html=True), BrokenStream),
            (Refuse(307), ProviderFailed),
        ],
        ids=named,
    )
    async def test_are_refused(self, server: EchoWire, fault: Refuse, error: type[ProviderError]) -> None:
        server.fail("/echo", fault)
        with pytest.raises(ProviderError) as caught:
            async with connected(server):
                raise AssertionError
        assert type(caught.value) is error
        assert caught.value.retry_after == fault.retry_after
        assert KEY not in f"{caught.value} {caught.value.details}"

    async def test_are_tried_again_where_that_helps(self, server: EchoWire) -> None:
        server.fail("/echo", Refuse(503))
        server.fail("/echo", Refuse(502, html=True))
        async with connected(server, retries=Retries()) as connection:
            await connection.send("x")
            assert await connection.receive() == "x"
        assert len(server.exchanges) == 3
        server.fail("/echo", Refuse(401))
        with pytest.raises(AuthenticationFailed):
            async with connected(server, retries=Retries()):
                pass
        assert len(server.exchanges) == 4

    async def test_may_take_their_time_but_not_for_ever(self, server: EchoWire) -> None:
        server.fail("/echo", Late())
        with pytest.raises(ProviderTimeout):
            async with connected(server, first=0.2, total=math.inf):
                pass
        assert await ended(server.last("/echo")) == "left"

    async def test_need_somebody_who_answers(self) -> None:
        with closing(socket.create_server(("127.0.0.1", 0))) as listener:
            address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(ProviderUnavailable, match="no connection"):
            async with connected(address):
                pass

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (b"", ProviderUnavailable),
            (b"HTTP/1.1 101 Switching", ProviderUnavailable),
            (b"\x16\x03\x01 no HTTP at all\r\n\r\n", BrokenStream),
            (b"HTTP/1.1 101 OK\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n", BrokenStream),
            (b"HTTP/1.1 401 No\r\ncontent-length: 2\r\n\r\n{}", AuthenticationFailed),
            (b"HTTP/1.1 401 No\r\n\r\n<html>", AuthenticationFailed),
            (b"HTTP/1.1 503 No\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", ProviderUnavailable),
        ],
    )
    async def test_need_somebody_who_knows_how_to(self, answer: bytes, error: type[ProviderError]) -> None:
        async with create_task_group() as tasks:
            address: str = await tasks.start(answering, answer)
            with pytest.raises(error):
                async with connected(address, first=1):
                    pass
            tasks.cancel_scope.cancel()

    async def test_an_address_that_is_none_is_not_repeated(self) -> None:
        with pytest.raises(ProviderFailed) as caught:
            request = SocketRequest(url="ws://[::1/secret")
            async with connect(request, provider="echo", deadlines=Deadlines()):
                pass
        assert "secret" not in repr(caught.value)


class TestTheEnd:
    @pytest.mark.parametrize(
        ("fault", "error"),
        [
            (Reset(500), BrokenStream),
            (Cut(500), BrokenStream),
            (Insert(1, b"\xff\xfe"), BrokenStream),
            (Insert(1, b"x" * 2000), BrokenStream),
            (Close(1, 1011), ProviderUnavailable),
            (Close(1, 1011, "NET-0001 nothing came: private"), ProviderTimeout),
            (Close(1, 1008, "This is private. DATA-0000"), InvalidRequest),
            (Close(1, 1008, "quota_exceeded: private"), QuotaExceeded),
            (Close(1, 1008, "private"), ProviderFailed),
            (Close(1, 1009), RequestTooLong),
            (Close(1, 1001), BrokenStream),
        ],
        ids=named,
    )
    async def test_comes_after_what_came_before_it(
        self, server: EchoWire, fault: Fault, error: type[ProviderError]
    ) -> None:
        server.fail("/echo", fault)
        got: list[str | bytes] = []
        with pytest.raises(ProviderError) as caught:
            async with connected(server, largest=1000) as connection:
                await connection.send("x" * 400)
                async for message in connection:
                    got.append(message)
                    await connection.send("y" * 400)  # so that the server meets its faults
        assert type(caught.value) is error
        assert got == ["x" * 400]
        assert "private" not in f"{caught.value} {caught.value.details}"
        assert caught.value.details["request_id"] == "req_1"

    @pytest.mark.parametrize("fault", [Replace(), End(10), Close(0, 1000)], ids=named)
    async def test_in_good_order_is_no_error_here(self, server: EchoWire, fault: Fault) -> None:
        server.fail("/echo", fault)
        async with connected(server) as connection:
            await connection.send("0123456789")
            assert await connection.receive() is None
            with pytest.raises(BrokenStream):
                await connection.send("more")

    async def test_at_every_byte(self, server: EchoWire) -> None:
        for at in range(40):
            server.fail("/echo", Reset(at))
            with pytest.raises(BrokenStream):
                async with connected(server) as connection:
                    for message in ("abcdefghij", "klmnopqrst", "uvwxyz", "0123456789"):
                        await connection.send(message)
                    for message in ("abcdefghij", "klmnopqrst", "uvwxyz", "0123456789"):
                        assert await connection.receive() == message


class TestDeadlines:
    async def test_nothing_is_late_unless_it_is_expected(self, server: EchoWire) -> None:
        async with connected(server, first=0.1, between=0.1) as connection:
            with move_on_after(0.2) as scope:
                await connection.receive()
            assert scope.cancelled_caught
            await connection.send("x")
            assert await connection.receive() == "x"

    @pytest.mark.parametrize("fault", [Stall(1), Drip(1, 0.05)], ids=named)
    async def test_a_message_that_does_not_come(self, server: EchoWire, fault: Fault) -> None:
        server.fail("/echo", fault)
        with pytest.raises(ProviderTimeout, match="did not come in time"):
            async with connected(server) as connection:
                connection.expect(0.12)
                await connection.send("x")
                await connection.send("y" * 20)
                await connection.receive()
                await connection.receive()
        assert await ended(server.last("/echo")) == "left"

    async def test_what_is_expected_of_one_who_waits_already(self, server: EchoWire) -> None:
        async with connected(server) as connection, create_task_group() as tasks:

            async def wait() -> None:
                with pytest.raises(ProviderTimeout):
                    await connection.receive()

            tasks.start_soon(wait)
            await sleep(0.02)
            connection.expect(0.02)

    async def test_all_together(self, server: EchoWire) -> None:
        server.fail("/flood", Drip(10_100, 0.05))
        with pytest.raises(ProviderTimeout, match="not done in time"):
            async with connected(server, "/flood?count=100", total=0.2) as connection:
                connection.expect(60)
                async for _ in connection:
                    pass

    async def test_the_time_of_the_reader_is_not_the_providers(self, server: EchoWire) -> None:
        async with connected(server, "/flood?count=3", total=0.2) as connection:
            connection.expect(0.1)
            for _ in range(3):
                assert await connection.receive()
                await sleep(0.12)
            assert await connection.receive() is None

    async def test_a_peer_that_does_not_read(self, server: EchoWire) -> None:
        server.fail("/echo", Deaf(1))
        with pytest.raises(ProviderTimeout, match="does not take"):
            async with connected(server, between=0.1) as connection:
                for _ in range(100):
                    await connection.send(bytes(2**20))

    async def test_a_ping_without_an_answer(self, server: EchoWire) -> None:
        async with connected(server) as connection:
            await connection.ping()
            await connection.send("x")
            await connection.receive()
            await connection.ping()  # the first one was answered
            with pytest.raises(ProviderTimeout, match="ping"):
                await connection.ping()  # and nobody has read the answer to the second


async def test_a_reader_that_waits_holds_the_server_back(server: EchoWire) -> None:
    async with connected(server, "/flood?count=3000") as connection:  # 30 MB
        assert await connection.receive()
        with fail_after(3):
            before = -1
            while server.last("/flood").sent != before:
                before = server.last("/flood").sent
                await sleep(0.03)
        assert before < 20_000_000
        numbers = [int.from_bytes(message[:4]) async for message in connection if isinstance(message, bytes)]
    assert numbers == list(range(1, 3000))


async def test_cancelling_closes_the_connection_at_once(server: EchoWire) -> None:
    with move_on_after(math.inf) as scope:
        async with connected(server) as connection:
            await connection.send("x")
            await connection.receive()
            scope.cancel()
            await connection.receive()
    assert await ended(server.last("/echo")) == "left"


async def test_a_send_that_was_cancelled_is_the_last_one(server: EchoWire) -> None:
    server.fail("/echo", Deaf(0))
    with pytest.raises(BrokenStream):
        async with connected(server) as connection:
            with move_on_after(0.1):
                await connection.send(bytes(64 * 2**20))
            await connection.send("x")


async def test_no_key_gets_into_a_log(server: EchoWire, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with connected(server) as connection:
        await connection.send("x")
        await connection.receive()
    assert KEY not in caplog.text


async def answering(answer: bytes, *, task_status: object) -> None:
    """Answer one connection with these bytes, and close it."""
    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    port = listener.extra(anyio.abc.SocketAttribute.local_port)
    task_status.started(f"http://127.0.0.1:{port}")  # type: ignore[attr-defined]

    async def serve(stream: anyio.abc.SocketStream) -> None:
        async with stream:
            await stream.receive()
            if answer:
                await stream.send(answer)

    async with listener:
        await listener.serve(serve)
