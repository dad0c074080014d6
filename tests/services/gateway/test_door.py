"""Refusals, client secrets and ends of sessions, over real sockets."""

import json
import string
from contextlib import asynccontextmanager, suppress
from functools import partial
from random import Random
from typing import Any

import httpcore2  # noqa: F401  (httpx2 would import it in the event loop)
import httpx2
import pytest
from anyio import EndOfStream, connect_tcp, fail_after, to_thread
from conversations import Script, scripted_system
from servers import serving
from starlette.applications import Starlette
from starlette.routing import Mount
from troupe.actors.secret import Secret
from troupe.services.gateway.access import Access
from troupe.services.gateway.app import Gateway
from troupe.services.gateway.client_secrets import LONGEST
from troupe.services.gateway.limits import Limits
from troupe.services.gateway.websocket import WebSocketProtocol
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

pytestmark = [pytest.mark.real_time, pytest.mark.asyncio_only]

SERVERS = [WebSocketProtocol, "websockets-sansio"]
ORIGIN = "https://app.example.com"
SECRETS = "/v1/realtime/client_secrets"


def gateway(*keys: str, one_use: bool = True, **limits: Any) -> Gateway:
    access = Access(tuple(map(Secret, keys)), allowed_origins=(ORIGIN,), one_use_secrets=one_use)
    return Gateway(access, "default", partial(scripted_system, Script(), 5.0), limits=Limits(**limits))


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def http(address: str, key: str = "") -> httpx2.AsyncClient:
    return httpx2.AsyncClient(base_url=f"http://{address}", headers=bearer(key) if key else {}, verify=False)


async def opened(
    address: str, key: str | None = None, query: str = "", *, at: str = "", **headers: str
) -> str | tuple[int, Any]:
    """Open a session and close it; return its id, or the refusal."""
    given = {name.replace("_", "-"): value for name, value in headers.items()} | (bearer(key) if key else {})
    host, _, port = (at or address).partition("/")[0].partition(":")
    url = f"ws://{address}/v1/realtime{query}"
    try:
        async with connect(url, additional_headers=given, host=host, port=int(port)) as socket:
            return (await heard(socket))["session"]["id"]
    except InvalidStatus as refused:
        response = refused.response
        assert response.headers["content-type"] == "application/json"
        return response.status_code, json.loads(response.body)["error"]["code"]


async def heard(socket: ClientConnection) -> dict[str, Any]:
    with fail_after(10):
        return json.loads(await socket.recv())


async def mint(client: httpx2.AsyncClient, path: str = SECRETS, **body: Any) -> dict[str, Any]:
    answer = await client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("server", SERVERS, ids=["ours", "uvicorn's"])
async def test_refusals_come_before_the_upgrade(server: Any) -> None:
    system = gateway("right", max_sessions=1, guesses_per_minute=4)
    async with serving(system.application(), server) as address:
        assert await opened(address, Cookie="session=right; key=right") == (401, None)
        assert await opened(address, "wrong") == (401, "invalid_api_key")
        assert await opened(address, "ek_wrong") == (401, "invalid_api_key")
        assert await opened(address, "right", Origin="https://evil-app.example.com") == (403, "origin_not_allowed")
        assert await opened(address, "right", Origin="null") == (403, "origin_not_allowed")
        assert str(await opened(address, "right", Origin=ORIGIN)).startswith("sess_")
        async with connect(f"ws://{address}/v1/realtime", additional_headers=bearer("right")) as socket:
            await heard(socket)
            assert await opened(address, "right") == (503, "server_overloaded")
        for _ in range(3):
            last = await opened(address, "guess")
        assert last == (429, "rate_limit_exceeded")
        system.drain()
        assert await opened(address, "right") == (503, "server_overloaded")
        assert system.admission.refused == {
            "key": 4, "secret": 1, "origin": 2, "sessions": 1, "guesses": 1, "draining": 1,
        }  # fmt: skip


async def test_a_name_that_leads_here_by_dns_is_not_ours() -> None:
    async with serving(gateway().application()) as address, http(address) as client:
        port = address.rpartition(":")[2]
        for host in ("rebound.evil.com", f"rebound.evil.com:{port}", "localhost.evil.com"):
            for path in ("/status", "/v1/models", "/healthz"):
                answer = await client.get(path, headers={"Host": host})
                assert answer.status_code == (200 if path == "/healthz" else 403)
            assert await opened(host, at=address) == (403, "host_not_allowed")
        for host in (f"localhost:{port}", f"127.0.0.1:{port}"):
            assert (await client.get("/status", headers={"Host": host})).status_code == 200
        strange = await client.get("/v1/models", headers={"Host": "localhost/healthz?#"})
        assert strange.status_code in (400, 403), "routing and checks read the same path"
        assert (await client.get("/v1/models", headers={"Sec-Fetch-Site": "cross-site"})).status_code == 403


async def test_behind_a_proxy_on_this_machine_the_address_is_the_clients() -> None:
    async with serving(gateway("right", guesses_per_minute=1).application()) as address:
        here, there = {"X_Forwarded_For": "192.0.2.1"}, {"X_Forwarded_For": "192.0.2.2"}
        assert await opened(address, "guess", **here) == (401, "invalid_api_key")
        assert await opened(address, "right", **here) == (429, "rate_limit_exceeded")
        assert str(await opened(address, "right", **there)).startswith("sess_")


async def test_pages_and_lists_take_a_key_where_there_is_one() -> None:
    async with serving(gateway("right").application()) as address, http(address) as client:
        for path in ("/status", "/v1/models"):
            assert (await client.get(path)).status_code == 401
            assert (await client.get(path, headers=bearer("right"))).status_code == 200
        asked = await client.get("/status")
        assert asked.headers["www-authenticate"].startswith("Basic ")
        assert (await client.get("/status", auth=("anybody", "right"))).status_code == 200
        assert (await client.get("/status", auth=("anybody", "wrong"))).status_code == 401
        assert (await client.get("/v1/models", auth=("anybody", "right"))).status_code == 401
        for path in ("/healthz", "/readyz"):
            assert (await client.get(path)).status_code == 200


async def test_a_client_secret_opens_a_session_as_configured_and_only_one() -> None:
    async with serving(gateway("right").application()) as address, http(address, "right") as client:
        instructions = "Speak like a pirate." + "".join(Random(5).choices(string.ascii_letters, k=5000))
        session = {"type": "realtime", "instructions": instructions, "model": "gpt-realtime"}
        secret = await mint(client, session=session, expires_after={"anchor": "created_at", "seconds": 30})
        assert secret["session"]["instructions"] == instructions
        assert LONGEST - 1000 < len(secret["value"]) <= LONGEST, "and that fits into a header"
        protocols = ["realtime", f"openai-insecure-api-key.{secret['value']}"]
        assert await opened(address, secret["value"], "?model=gpt-realtime-mini") == (401, "invalid_api_key")
        url = f"ws://{address}/v1/realtime?model=gpt-realtime"
        async with connect(url, subprotocols=protocols, origin=ORIGIN) as socket:
            assert socket.subprotocol == "realtime"
            created = await heard(socket)
            assert created["session"]["id"] == secret["session"]["id"]
            assert created["session"]["instructions"] == instructions
        assert await opened(address, secret["value"]) == (401, "invalid_api_key")


async def test_each_endpoint_gives_a_secret_in_its_own_shape() -> None:
    async with serving(gateway("right").application()) as address, http(address, "right") as client:
        secret = (await mint(client, "/v1/realtime/sessions", voice="verse"))["client_secret"]["value"]
        assert str(await opened(address, secret, OpenAI_Beta="realtime=v1")).startswith("sess_")
        secret = (await mint(client, "/v1/realtime/transcription_sessions"))["client_secret"]["value"]
        async with connect(f"ws://{address}/v1/realtime", additional_headers=bearer(secret)) as socket:
            assert (await heard(socket))["session"]["type"] == "transcription"
        short = await mint(client, "/api/session", instructions="Be brief.")
        assert await opened(address, short["token"]) == short["session_id"]


async def test_who_may_not_have_a_secret() -> None:
    system = gateway("right", max_body=1000, open_timeout=0.3)
    async with serving(system.application()) as address, http(address) as client:
        async with http(address, "right") as owner:
            secret = (await mint(owner))["value"]
        for headers in ({}, bearer("wrong"), bearer(secret)):
            answer = await client.post(SECRETS, headers=headers)
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
        foreign = {**bearer("right"), "Origin": "https://evil.example.com"}
        assert (await client.post(SECRETS, headers=foreign)).status_code == 403
        long = await client.post(SECRETS, headers=bearer("right"), content=b" " * 1001)
        assert (long.status_code, long.headers["connection"]) == (413, "close")
        wrong = await client.post(SECRETS, headers=bearer("right"), json={"session": {"type": "no such type"}})
        assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "session.type")


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    async with serving(gateway(open_timeout=0.3).application()) as address:
        host, _, port = address.partition(":")
        async with await connect_tcp(host, int(port)) as stream:
            await stream.send(f"POST {SECRETS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{{".encode())
            answer = b""
            with fail_after(5), suppress(EndOfStream):
                while True:
                    answer += await stream.receive()
            assert answer.startswith(b"HTTP/1.1 408")


def use_the_official_client(address: str) -> tuple[str, str]:
    openai = pytest.importorskip("openai", reason="the official client is in the dependency group `contract`")
    with openai.OpenAI(api_key="right", base_url=f"http://{address}/v1") as client:
        secret = client.realtime.client_secrets.create(
            expires_after={"anchor": "created_at", "seconds": 60},
            session={"type": "realtime", "instructions": "Be brief.", "audio": {"output": {"voice": "marin"}}},
        )
    with openai.OpenAI(api_key=secret.value, base_url=f"http://{address}/v1") as page:
        with page.realtime.connect(model="gpt-realtime") as connection:
            created = connection.recv()
    return secret.session.id, created.session.id


@pytest.mark.filterwarnings("ignore:connect.. must be used as a context manager:DeprecationWarning")  # theirs
async def test_the_official_client_gets_a_secret_and_uses_it() -> None:
    async with serving(gateway("right").application()) as address:
        with fail_after(20):
            minted, opened_ = await to_thread.run_sync(use_the_official_client, address)
    assert minted == opened_


async def test_revoking_a_key_ends_what_it_has_opened() -> None:
    system = gateway("right", "other")
    async with serving(system.application()) as address, http(address, "right") as client:
        secret, unused = [(await mint(client))["value"] for _ in range(2)]
        url = f"ws://{address}/v1/realtime"
        async with (
            connect(url, additional_headers=bearer("right")) as first,
            connect(url, additional_headers=bearer(secret)) as second,
            connect(url, additional_headers=bearer("other")) as third,
        ):
            for socket in (first, second, third):
                await heard(socket)
            assert system.use(Access((Secret("other"),))) == 2
            for socket in (first, second):
                assert (await heard(socket))["error"]["code"] == "invalid_api_key"
                with pytest.raises(ConnectionClosed) as closed, fail_after(5):
                    await socket.recv()
                assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (
                    3000,
                    "invalid_request_error.invalid_api_key",
                )
            await third.send('{"type": "input_audio_buffer.clear"}')
            assert (await heard(third))["type"] == "input_audio_buffer.cleared"
        for key in ("right", unused):
            assert await opened(address, key) == (401, "invalid_api_key")


@pytest.mark.parametrize("server", SERVERS, ids=["ours", "uvicorn's"])
async def test_a_session_ends_when_its_time_is_up(server: Any) -> None:
    system = gateway(session_minutes=0.003)
    async with serving(system.application(), server) as address, connect(f"ws://{address}/v1/realtime") as socket:
        created = await heard(socket)
        assert created["session"]["expires_at"] > 1_700_000_000
        assert (await heard(socket))["error"]["code"] == "session_expired"
        with pytest.raises(ConnectionClosed) as closed, fail_after(5):
            await socket.recv()
        assert closed.value.rcvd.code == 1001
        assert "maximum duration" in closed.value.rcvd.reason
    assert system.admission.sessions == 0


async def test_it_mounts_into_an_application_of_ones_own() -> None:
    system = gateway("right")

    @asynccontextmanager
    async def lifespan(app: Starlette) -> Any:
        async with system.lifespan(app):
            yield

    app = Starlette(routes=[Mount("/voice", app=system.application())], lifespan=lifespan)
    async with serving(app, "websockets-sansio") as address, http(f"{address}/voice", "right") as client:
        secret = (await mint(client))["value"]
        assert await opened(f"{address}/voice", "wrong") == (401, "invalid_api_key")
        assert str(await opened(f"{address}/voice", secret)).startswith("sess_")
