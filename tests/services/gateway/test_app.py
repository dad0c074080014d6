"""The server over real sockets: health, keys, and clients of the realtime protocol, the official one included."""

import base64
import json
from functools import partial
from typing import Any

import httpcore2  # noqa: F401  (httpx2 would import it in the event loop)
import httpx2
import numpy as np
import pytest
from anyio import create_task_group, fail_after, sleep, to_thread
from conversations import Script, scripted_system
from servers import serving
from troupe.actors.secret import Secret
from troupe.services.gateway.access import Access
from troupe.services.gateway.app import Gateway
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as connect_websocket
from websockets.exceptions import ConnectionClosed, InvalidStatus

pytestmark = [pytest.mark.real_time, pytest.mark.asyncio_only]

connect = partial(connect_websocket, max_queue=None, close_timeout=5)
LOUD = base64.b64encode(np.full(480, 8000, np.int16).tobytes()).decode()
QUIET = base64.b64encode(bytes(960)).decode()


def gateway(script: Script | None = None, *keys: str, lead: float = 5.0) -> Gateway:
    return Gateway(Access(tuple(map(Secret, keys))), "test-model", partial(scripted_system, script or Script(), lead))


async def speak(socket: ClientConnection) -> None:
    """Half a second of speech and as much silence, as fast as it goes."""
    for audio in [LOUD] * 25 + [QUIET] * 25:
        await socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))


async def until(socket: ClientConnection, kind: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = []
    with fail_after(20):
        while not events or events[-1]["type"] != kind:
            events.append(json.loads(await socket.recv()))
    return events


async def test_health_readiness_models_and_the_page() -> None:
    async with (
        serving(gateway().application()) as address,
        httpx2.AsyncClient(base_url=f"http://{address}", verify=False) as http,
    ):
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        assert (await http.get("/readyz")).status_code == 200
        assert (await http.get("/v1/models")).json()["data"][0]["id"] == "test-model"
        page = await http.get("/status")
        assert "/v1/realtime" in page.text


async def test_a_question_is_answered_over_the_socket() -> None:
    async with serving(gateway().application()) as address:
        async with connect(f"ws://{address}/v1/realtime?model=gpt-realtime") as socket:
            created = json.loads(await socket.recv())
            assert created["type"] == "session.created"
            assert created["session"]["model"] == "gpt-realtime"
            await speak(socket)
            events = await until(socket, "response.done")
            kinds = [event["type"] for event in events]
            assert "input_audio_buffer.speech_started" in kinds
            assert events[-1]["response"]["status"] == "completed"
            audio = b"".join(base64.b64decode(e["delta"]) for e in events if e["type"] == "response.output_audio.delta")
            assert len(audio) / 48_000 == pytest.approx(1.5, abs=0.01)


async def test_a_beta_client_hears_the_beta_names() -> None:
    async with serving(gateway().application()) as address:
        headers = {"OpenAI-Beta": "realtime=v1"}
        async with connect(f"ws://{address}/v1/realtime", additional_headers=headers) as socket:
            await speak(socket)
            kinds = {event["type"] for event in await until(socket, "response.done")}
            assert {"conversation.created", "conversation.item.created", "response.audio.delta"} <= kinds


async def test_mistakes_are_told_and_the_connection_stays() -> None:
    async with serving(gateway().application()) as address, connect(f"ws://{address}/v1/realtime") as socket:
        for frame in ("{", '{"type": "no.such.event", "event_id": "mine"}', b"\x00"):
            await socket.send(frame)
            error = (await until(socket, "error"))[-1]["error"]
            assert error["type"] == "invalid_request_error"
        await socket.send('{"type": "response.create", "response": {"output_modalities": ["text"]}}')
        assert (await until(socket, "response.done"))[-1]["response"]["status"] == "completed"


async def test_a_key_opens_the_door() -> None:
    async with serving(gateway(None, "right", "also-right").application()) as address:
        url = f"ws://{address}/v1/realtime"
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            with pytest.raises(InvalidStatus):
                await connect(url, additional_headers=headers)
        async with connect(url, additional_headers={"Authorization": "Bearer also-right"}) as socket:
            await until(socket, "session.created")
        async with connect(url, subprotocols=["realtime", "openai-insecure-api-key.right"]) as socket:
            assert socket.subprotocol == "realtime"
            await until(socket, "session.created")


async def test_a_session_ends_with_its_connection() -> None:
    script = Script(answer=["word " * 200])
    system = gateway(script)
    async with serving(system.application()) as address:
        async with connect(f"ws://{address}/v1/realtime") as socket:
            await speak(socket)
            await until(socket, "response.output_audio.delta")
            assert len(system.voice.sessions.children) == 1
        with fail_after(5):
            while system.voice.sessions.children:
                await sleep(0.01)


async def test_a_client_that_does_not_read_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troupe.services.gateway.connection.SEND_DEADLINE", 0.5)
    script = Script(answer=["word " * 2000])
    system = gateway(script, lead=10_000)
    async with serving(system.application()) as address:
        async with connect(f"ws://{address}/v1/realtime") as socket:
            await speak(socket)
            socket.transport.pause_reading()
            with fail_after(15):
                while system.voice.sessions.children or not script.requests:
                    await sleep(0.05)
            socket.transport.resume_reading()
            with pytest.raises(ConnectionClosed):
                while True:
                    await socket.recv()


async def test_several_clients_at_a_time() -> None:
    async with serving(gateway().application()) as address:

        async def converse() -> None:
            async with connect(f"ws://{address}/v1/realtime") as socket:
                await speak(socket)
                assert (await until(socket, "response.done"))[-1]["response"]["status"] == "completed"

        async with create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(converse)


def talk_with_the_official_client(address: str) -> tuple[str, str]:
    """Have a short conversation in writing; return the answer and its status."""
    openai = pytest.importorskip("openai", reason="the official client is in the dependency group `contract`")
    client = openai.OpenAI(api_key="key", base_url=f"http://{address}/v1")
    text = ""
    with client, client.realtime.connect(model="gpt-realtime") as connection:
        connection.session.update(
            session={"type": "realtime", "output_modalities": ["text"], "instructions": "Be brief."}
        )
        connection.conversation.item.create(
            item={"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello"}]}
        )
        connection.response.create()
        for event in connection:
            if event.type == "response.output_text.delta":
                text += event.delta
            elif event.type == "response.done":
                return text, event.response.status
    raise AssertionError("the connection ended before the response did")


@pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")  # theirs
async def test_the_official_client_works_unmodified() -> None:
    async with serving(gateway(None, "key").application()) as address:
        with fail_after(20):
            answer = await to_thread.run_sync(talk_with_the_official_client, address)
    assert answer == ("One two three. Four five six.", "completed")
