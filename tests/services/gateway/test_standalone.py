"""One conversation over all the servers that carry it: ours, any ASGI server, and those of `websockets`."""

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from anyio import EndOfStream, connect_tcp, fail_after
from conversations import Script, scripted_system
from frames import CLOSE, TEXT, closing, frame, read_to_end, shake_hands, unframed, upgrade
from servers import serving
from troupe.actors.secret import Secret
from troupe.services.gateway.access import Access
from troupe.services.gateway.app import Gateway
from troupe.services.gateway.standalone import serve_websockets

pytestmark = pytest.mark.real_time


@asynccontextmanager
async def on_its_own(gateway: Gateway) -> AsyncGenerator[str]:
    async with serve_websockets(gateway) as (host, port):
        yield f"{host}:{port}"


SERVERS: dict[str, Callable[[Gateway], AbstractAsyncContextManager[str]]] = {
    "websockets": on_its_own,
    "ours": lambda gateway: serving(gateway.application()),
    "uvicorn": lambda gateway: serving(gateway.application(), "websockets-sansio"),
}


@pytest.fixture(params=SERVERS)
def server(request: pytest.FixtureRequest, anyio_backend_name: str) -> Any:
    if request.param != "websockets" and anyio_backend_name == "trio":
        pytest.skip("uvicorn knows asyncio only")
    return SERVERS[request.param]


def gateway(*keys: str) -> Gateway:
    access = Access(api_keys=tuple(map(Secret, keys)))
    return Gateway(access, system=partial(scripted_system, Script(), 5.0))


async def test_a_conversation_over_every_server(server: Callable[[Gateway], AbstractAsyncContextManager[str]]) -> None:
    ours = gateway("right")
    async with server(ours) as address:
        host, _, port = address.rpartition(":")
        async with await connect_tcp(host, int(port)) as stream:
            await stream.send(upgrade("/v1/realtime"))
            assert (await read_to_end(stream)).startswith(b"HTTP/1.1 401 ")
        async with await connect_tcp(host, int(port)) as stream:
            protocols = {"Sec-WebSocket-Protocol": "realtime, openai-insecure-api-key.right"}
            data = await shake_hands(stream, upgrade("/v1/realtime?model=gpt-realtime", **protocols))
            await stream.send(frame(TEXT, b'{"type":"response.create"}') + frame(TEXT, b"{"))
            kinds: list[str] = []
            with fail_after(10):
                while "response.done" not in kinds or "error" not in kinds:
                    data += await stream.receive()
                    kinds = [json.loads(payload)["type"] for _, payload in unframed(data)]
            assert kinds[0] == "session.created"
            assert ours.connections.statistics().open == 1
            await stream.send(closing(1000))
            opcode, payload = unframed(await read_to_end(stream))[-1]
            assert (opcode, payload) == (CLOSE, b"\x03\xe8")
        with fail_after(5):
            await ours.connections.wait_closed()


async def test_leaving_the_block_closes_sessions() -> None:
    async with serve_websockets(gateway()) as (host, port):
        stream = await connect_tcp(host, port)
        data = await shake_hands(stream, upgrade("/v1/realtime"))
        while not unframed(data):
            data += await stream.receive()
    async with stream:
        assert unframed(data + await read_to_end(stream))[-1] == (CLOSE, (1012).to_bytes(2, "big"))


async def test_a_client_that_is_gone_in_the_middle_of_everything_leaves_nothing_behind() -> None:
    async with serve_websockets(gateway()) as (host, port):
        for request in (b"", b"GET /v1/rea", upgrade("/v1/realtime"), upgrade("/nowhere")):
            async with await connect_tcp(host, port) as stream:
                await stream.send(request)
        with fail_after(5):
            while True:
                async with await connect_tcp(host, port) as stream:
                    await shake_hands(stream, upgrade("/v1/realtime"))
                    break


ODD = {
    b"Host: localhost": b"Host: localhost\r\nX-Odd: \xff\xfe",
    b"realtime": b"realtime?x=\xff",
}


async def test_bytes_where_letters_should_be_are_no_surprise(
    server: Callable[[Gateway], AbstractAsyncContextManager[str]], caplog: pytest.LogCaptureFixture
) -> None:
    async with server(gateway()) as address:
        host, _, port = address.rpartition(":")
        for usual, odd in ODD.items():
            async with await connect_tcp(host, int(port)) as stream:
                await stream.send(upgrade("/v1/realtime").replace(usual, odd))
                with fail_after(5):
                    try:
                        status = (await stream.receive()).split()[1]
                    except EndOfStream:  # that is no HTTP at all
                        status = b"400"
                assert status in (b"101", b"400")
    assert not [record for record in caplog.records if record.exc_info]
