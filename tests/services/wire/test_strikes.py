"""What befalls an exchange under way, and a server as a whole."""

import httpx2
import pytest
from anyio import create_task_group, fail_after, sleep
from troupe.services.wire import Pace, WireServer
from troupe.services.wire.deepgram import DeepgramWire
from troupe.services.wire.exchange import Exchange
from troupe.services.wire.faults import Cut, End, Reset, Stall, Strike
from troupe.services.wire.openai import OpenAiWire
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

pytestmark = [pytest.mark.real_time, pytest.mark.asyncio_only]

CHAT = "/v1/chat/completions"
ASKED = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "one two three four five six seven"}]}


async def under_way(wire: WireServer, sent: int = 0) -> Exchange:
    """Wait for the exchange that has not ended, and until so many bytes of it are out."""
    with fail_after(30):
        while not (found := wire.under_way()) or found[0].sent < sent:
            await sleep(0.005)
    return found[0]


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("strike", [Reset(0), Cut(0), End(0)])
async def test_an_answer_ends_where_it_is_struck(strike: Strike, before: bool) -> None:
    """Before its first piece, or in the middle: an error, or as if that was all."""
    async with OpenAiWire().serving() as wire, httpx2.AsyncClient(timeout=30) as client:
        wire.always(CHAT, Pace(100, 100) if before else Pace(0, 0.05))
        got = b""
        lost = False
        try:
            async with create_task_group() as tasks:

                async def hit() -> None:
                    (await under_way(wire, 0 if before else 1)).strike(strike)

                tasks.start_soon(hit)
                async with client.stream("POST", wire.base_url + "/chat/completions", json=ASKED) as answer:
                    assert answer.status_code == 200
                    async for piece in answer.aiter_raw():
                        got += piece
        except* httpx2.TransportError:
            lost = True
        assert lost is not isinstance(strike, End)
        assert b"[DONE]" not in got
        exchange = wire.last(CHAT)
        assert exchange.outcome == ("served" if isinstance(strike, End) else "broken")


async def test_a_stalled_answer_is_silent_until_the_client_leaves() -> None:
    async with OpenAiWire().serving() as wire, httpx2.AsyncClient(timeout=0.3) as client:
        wire.always(CHAT, Pace(0, 0.05))
        with pytest.raises(httpx2.ReadTimeout):
            async with client.stream("POST", wire.base_url + "/chat/completions", json=ASKED) as answer:
                async for _ in answer.aiter_raw():
                    wire.last(CHAT).strike(Stall(0))
        with fail_after(30):
            while not wire.last(CHAT).ended.is_set():
                await sleep(0.005)
        assert wire.last(CHAT).outcome == "left"


@pytest.mark.parametrize("strike", [Reset(0), Cut(0), End(0)])
async def test_a_connection_ends_where_it_is_struck(strike: Strike) -> None:
    async with DeepgramWire().serving() as wire:
        url = wire.url.replace("http", "ws") + "/v1/listen?model=nova-3&encoding=linear16&sample_rate=16000"
        async with connect(url) as socket:
            await socket.send(bytes(3200))
            exchange = await under_way(wire)
            exchange.strike(strike)
            with fail_after(30), pytest.raises(ConnectionClosed) as closed:
                await socket.recv()
            code = closed.value.rcvd.code if closed.value.rcvd else None
            assert code == (1000 if isinstance(strike, End) else None)


async def test_a_killed_server_refuses_until_it_is_there_again() -> None:
    async with OpenAiWire().serving() as wire, httpx2.AsyncClient(timeout=30) as client:
        models = wire.base_url + "/models"
        assert (await client.get(models)).status_code == 200
        await wire.kill()
        for _ in range(2):
            with pytest.raises(httpx2.TransportError):
                await client.get(models)
        await wire.revive()
        assert (await client.get(models)).status_code == 200


def test_a_server_in_a_thread_can_be_struck_from_another() -> None:
    with OpenAiWire() as wire, httpx2.Client(timeout=30) as client:
        wire.always(CHAT, Pace(0, 0.05))
        with client.stream("POST", wire.base_url + "/chat/completions", json=ASKED) as answer:
            pieces = answer.iter_raw()
            first = next(pieces)
            wire.last(CHAT).strike(End(0))
            assert b"[DONE]" not in first + b"".join(pieces)
