"""From whom clients may choose, that they get those, and that nobody else is let in; over real sockets."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpcore2  # noqa: F401  (httpx2 would import it in the event loop)
import httpx2
import pytest
from anyio import fail_after
from conversations import Script, scripted_system
from own_functions import __name__ as FUNCTIONS
from servers import serving
from troupe.actors.secret import Secret
from troupe.services.choice import choose
from troupe.services.config import Config
from troupe.services.config.schema import Choices, Voice
from troupe.services.gateway.access import Access
from troupe.services.gateway.app import OPEN, Gateway
from troupe.services.kinds.function import Table
from troupe.services.voice import voice_system
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

pytestmark = [pytest.mark.real_time, pytest.mark.asyncio_only]

ITEM = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hello."}]}
SECRETS = "/v1/realtime/client_secrets"


def function(name: str) -> Table:
    return Table(kind="function", function=f"{FUNCTIONS}:{name}")


TABLES = {
    "quiet": function("loudness"),
    "parrot": function("whisper"),
    "butler": function("shout"),
    "tone": function("beep"),
}


@asynccontextmanager
async def server(access: Access = OPEN, **voice: Any) -> AsyncGenerator[httpx2.AsyncClient]:
    chains = {"stt": ("quiet",), "llm": ("parrot",), "tts": ("tone",), "choices": Choices(llm=("butler",))}
    config = Config(voice=Voice(**{**chains, **voice}), providers=TABLES)
    gateway = Gateway(access, system=partial(voice_system, choose(config, {})))
    async with serving(gateway.application()) as address, httpx2.AsyncClient(base_url=f"http://{address}") as http:
        yield http


async def mint(http: httpx2.AsyncClient, **providers: list[str]) -> httpx2.Response:
    return await http.post(SECRETS, json={"session": {"type": "realtime"}, "providers": providers})


def address(http: httpx2.AsyncClient) -> str:
    return f"{str(http.base_url).replace('http', 'ws').rstrip('/')}/v1/realtime"


@asynccontextmanager
async def session(http: httpx2.AsyncClient, **providers: list[str]) -> AsyncGenerator[ClientConnection]:
    secret = (await mint(http, **providers)).json()["value"]
    async with connect(address(http), additional_headers={"authorization": f"Bearer {secret}"}) as client:
        yield client


async def say(client: ClientConnection, kind: str, **members: Any) -> None:
    await client.send(json.dumps({"type": kind, **members}))


async def until(client: ClientConnection, kind: str) -> dict[str, Any]:
    with fail_after(30):
        while True:
            event = json.loads(await client.recv())
            if event["type"] == kind:
                return event


async def test_what_is_on_offer_is_told_and_nothing_else_is_given() -> None:
    async with server() as http:
        assert (await http.get("/api/providers")).json() == {
            "stt": [{"name": "quiet", "chain": True}, {"name": "browser", "chain": False}],
            "llm": [{"name": "parrot", "chain": True}, {"name": "butler", "chain": False}],
            "tts": [{"name": "tone", "chain": True}, {"name": "browser", "chain": False}],
        }
        assert (await mint(http, llm=["butler", "parrot"], tts=["browser", "tone"])).status_code == 200
        refused = await mint(http, stt=["browser", "deepgram"])
        assert refused.status_code == 400
        assert refused.json()["error"]["param"] == "providers.stt[1]"
        assert "'quiet' and 'browser'" in refused.json()["error"]["message"]
        unknown = await mint(http, ears=["browser"])
        assert (unknown.status_code, unknown.json()["error"]["param"]) == (400, "providers.ears")
        assert (await http.get("/api/voices", params={"tts": "tone"})).json() == {"voices": []}
        assert (await http.get("/api/voices", params={"tts": "elevenlabs"})).status_code == 400


async def test_a_server_may_offer_no_browser_and_one_without_a_configuration_offers_nothing() -> None:
    async with server(choices=Choices(stt=(), tts=())) as http:
        assert [each["name"] for each in (await http.get("/api/providers")).json()["tts"]] == ["tone"]
        assert (await mint(http, tts=["browser"])).status_code == 400
    gateway = Gateway(system=partial(scripted_system, Script(), 0.5))
    async with serving(gateway.application()) as address, httpx2.AsyncClient(base_url=f"http://{address}") as http:
        assert (await http.get("/api/providers")).json() == {"stt": [], "llm": [], "tts": []}
        assert (await http.get("/api/voices")).json() == {"voices": []}
        assert (await mint(http, tts=["browser"])).status_code == 400


async def answer(client: ClientConnection) -> str:
    await say(client, "conversation.item.create", item=ITEM)
    await say(client, "response.create", response={"output_modalities": ["text"]})
    return str((await until(client, "response.output_text.done"))["text"])


async def test_each_session_gets_whom_its_client_has_chosen() -> None:
    async with server() as http:
        async with session(http, llm=["butler"]) as one, session(http) as other:
            assert await answer(one) == "HELLO."
            assert await answer(other) == "hello."
            await say(one, "troupe.browser.ready", speaks=True)  # the browser is no part of this session
            assert (await until(one, "error"))["error"]["param"] == "type"
        async with http.stream("GET", "/api/status") as status:
            async for line in status.aiter_lines():
                actors = {each["path"]: each for each in json.loads(line).get("actors", ())}
                if actors and not actors["casts"]["sessions"]:
                    break


async def test_a_page_hears_and_speaks_over_its_own_socket() -> None:
    async with server() as http, session(http, stt=["browser"], tts=["browser", "tone"]) as client:
        created = await until(client, "session.created")
        await say(client, "troupe.browser.ready", hears=True, speaks=True)
        await say(client, "session.update", session={"type": "realtime", "audio": {"input": {"turn_detection": None}}})
        await say(client, "troupe.hearing.started")
        call = (await until(client, "troupe.hearing.begin"))["call"]
        await say(client, "troupe.hearing.ended")
        await until(client, "troupe.hearing.end")
        await say(client, "troupe.hearing.result", call=call, transcript="Good evening.", final=True, confidence=0.9)
        told = await until(client, "troupe.speech.say")
        assert (told["piece"], told["text"], told["voice"]) == (0, "good evening.", "")
        await say(client, "troupe.speech.progress", call=told["call"], piece=0, ms=0, characters=0)
        async with http.stream("GET", "/api/status", params={"session": created["session"]["id"]}) as status:
            line = json.loads(await anext(aiter(status.aiter_lines())))
        own = [each["path"] for each in line["actors"] if each["path"].startswith("casts/")]
        assert [path.rpartition("/")[2] for path in own[1:]] == ["browser-stt", "browser-tts", "stt", "tts"]
        await say(client, "troupe.speech.ended", call=told["call"], piece=0, ms=900)
        done = await until(client, "response.done")
        assert done["response"]["output"][0]["content"][0]["transcript"] == "good evening."


async def test_a_chain_may_begin_with_the_browser_and_clients_that_are_no_pages_get_the_next() -> None:
    async with server(tts=("browser", "tone")) as http:
        assert (await http.get("/readyz")).json()["status"] == "ready"
        assert (await http.get("/api/providers")).json()["tts"][0] == {"name": "browser", "chain": True}
        async with session(http) as client:
            await say(client, "conversation.item.create", item=ITEM)
            await say(client, "response.create")
            await until(client, "response.output_audio.delta")
            assert (await until(client, "response.done"))["response"]["status"] == "completed"
    async with server(tts=("browser",)) as http, session(http) as client:
        await say(client, "conversation.item.create", item=ITEM)
        await say(client, "response.create")
        done = await until(client, "response.done")
        assert done["response"]["status_details"]["error"]["code"] == "provider_unavailable"


async def test_a_secret_for_somebody_who_is_gone_opens_nothing() -> None:
    key = Access(signing_key=Secret("a-key-that-signs-client-secrets-0123456789"))
    async with server(access=key) as http:
        secret = (await mint(http, llm=["butler"])).json()["value"]
    async with server(access=key, choices=Choices()) as http:
        with pytest.raises(InvalidStatus) as refused:
            async with connect(address(http), additional_headers={"authorization": f"Bearer {secret}"}):
                pass
    assert refused.value.response.status_code == 401


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"call": "1", "piece": 0, "ms": 0}, "call"),
        ({"call": 1, "piece": 0, "ms": -1}, "ms"),
        ({"call": 1, "ms": 0}, "piece"),
    ],
)
async def test_what_a_page_says_is_read_as_strictly_as_what_others_do(members: dict[str, Any], param: str) -> None:
    async with server() as http, session(http, tts=["browser"]) as client:
        await say(client, "troupe.speech.progress", **members)
        assert (await until(client, "error"))["error"]["param"] == param
        await say(client, "troupe.nonsense")
        assert (await until(client, "error"))["error"]["param"] == "type"
        await client.send('{"type": "troupe.speech.ended", ')
        assert (await until(client, "error"))["error"]["code"] == "invalid_json"
