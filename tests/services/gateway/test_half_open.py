"""Clients that say nothing, or say it a byte at a time, against uvicorn over real sockets."""

import socket
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

import anyio
import pytest
import uvicorn
from anyio import BrokenResourceError, EndOfStream, create_task_group, fail_after, move_on_after, sleep
from anyio.abc import SocketStream
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from troupe.services.gateway.half_open import HalfOpen, guarded_http
from troupe.services.gateway.limits import Limits
from troupe.services.gateway.listening import listening_socket

pytestmark = [pytest.mark.real_time, pytest.mark.asyncio_only]

REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def hello(_request: Request) -> Response:
    return PlainTextResponse("hello")


@asynccontextmanager
async def server(**limits: float) -> AsyncGenerator[tuple[int, HalfOpen]]:
    half_open = HalfOpen(Limits(**limits))
    app = Starlette(routes=[Route("/", hello, methods=["GET", "POST"])])
    uvicorn_server = uvicorn.Server(uvicorn.Config(app, http=guarded_http(half_open), log_level="warning"))
    listener = listening_socket("127.0.0.1", 0)
    async with create_task_group() as tasks:
        tasks.start_soon(uvicorn_server._serve, [listener])
        with fail_after(20):
            while not uvicorn_server.started:
                await sleep(0.01)
        try:
            yield listener.getsockname()[1], half_open
        finally:
            uvicorn_server.should_exit = True


async def connect(port: int, source: str = "127.0.0.1") -> SocketStream:
    return await anyio.connect_tcp("127.0.0.1", port, local_host=source)


async def ended(stream: SocketStream, within: float) -> bool:
    """Whether the server drops the connection in time."""
    with move_on_after(within):
        try:
            while True:
                await stream.receive()
        except (EndOfStream, BrokenResourceError):
            return True
    return False


async def is_answered(stream: SocketStream) -> bool:
    try:
        await stream.send(REQUEST)
        with move_on_after(5):
            return (await stream.receive()).startswith(b"HTTP/1.1 200")
    except (EndOfStream, BrokenResourceError):
        pass
    return False


@pytest.mark.parametrize("drips", [b"", REQUEST[:-2], REQUEST * 2 + REQUEST[:-2]])
async def test_a_request_that_does_not_come_is_not_waited_for(drips: bytes) -> None:
    """Each byte keeps a time-out between two bytes from passing; only one for the whole head ends it."""
    async with server(open_timeout=0.25) as (port, half_open), await connect(port) as stream:

        async def drip() -> None:
            try:
                for byte in drips:
                    await stream.send(bytes([byte]))
                    await sleep(0.03)
            except BrokenResourceError:
                pass

        async with create_task_group() as tasks:
            tasks.start_soon(drip)
            assert await ended(stream, 5)
            tasks.cancel_scope.cancel()
        assert (half_open.timed_out, len(half_open)) == (1, 0)


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async with server() as (port, half_open), await connect(port) as stream:
        await stream.send(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n")
        assert await ended(stream, 3)
        assert len(half_open) == 0


async def test_those_of_one_address_do_not_keep_out_others() -> None:
    async with server(half_open_per_address=10) as (port, half_open), AsyncExitStack() as open_:
        for _ in range(25):
            await open_.enter_async_context(await connect(port))
        with fail_after(5):
            while len(half_open) + half_open.refused < 25:
                await sleep(0.01)
        assert (len(half_open), half_open.refused) == (10, 15)
        assert not await is_answered(await open_.enter_async_context(await connect(port)))
        assert await is_answered(await open_.enter_async_context(await connect(port, "127.0.1.1")))


async def test_a_connection_that_was_answered_is_kept_and_no_longer_counted() -> None:
    async with server(open_timeout=0.2, half_open_per_address=1) as (port, half_open):
        async with await connect(port) as first:
            assert await is_answered(first)
            assert len(half_open) == 0
            async with await connect(port) as second:
                assert await is_answered(second)
                await sleep(0.25)
                assert await is_answered(first)
        assert (half_open.refused, half_open.timed_out) == (0, 0)


async def test_a_flood_from_everywhere_displaces_itself() -> None:
    async with server(half_open=50) as (port, half_open):
        flood: list[socket.socket] = []
        try:
            for number in range(300):
                flood.append(client := socket.socket())
                client.setblocking(False)
                client.bind((f"127.0.2.{number % 100}", 0))
                client.connect_ex(("127.0.0.1", port))
            with fail_after(5):
                while half_open.displaced < 250:
                    await sleep(0.01)
            assert len(half_open) == 50
            with fail_after(1):
                async with await connect(port) as stream:
                    assert await is_answered(stream)
            assert len(half_open) == 49
        finally:
            for client in flood:
                client.close()
