"""Whatever comes in, by whichever way, shows up nowhere: not in logs, output, metrics, pages or anybody's errors.

A canary is a word that occurs once. It goes in somewhere, and then everything that came out is searched for it.
"""

import base64
import json
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from typing import Any

import httpcore2  # noqa: F401  (httpx2 would import it in the event loop)
import httpx2
import pytest
from anyio import fail_after
from conversations import Recogniser, Script, Synthesizer, scripted_system
from openai_provider import CHAT
from servers import serving
from troupe.actors.http import HttpClient
from troupe.actors.providers.openai.chat import OpenAiChat
from troupe.actors.providers.openai.endpoint import endpoint
from troupe.actors.secret import Secret
from troupe.runtime import child
from troupe.services.gateway.access import Access
from troupe.services.gateway.app import Gateway
from troupe.services.gateway.limits import Limits
from troupe.services.gateway.minting import ENDPOINTS
from troupe.services.voice import VoiceSystem
from troupe.services.wire import Refuse, Replace
from troupe.services.wire.openai import OpenAiWire
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake

pytestmark = [pytest.mark.real_time, pytest.mark.asyncio_only]

PATHS = ("/", "/healthz", "/readyz", "/metrics", "/v1/models", "/v1/realtime", "/no/such/page")
MINTING = tuple(each.path for each in ENDPOINTS)
OURS = ("httpx2", "httpcore2", "websockets.client", "asyncio")
"""Loggers of the clients in this test."""


@pytest.fixture(scope="module")
def wire() -> Iterator[OpenAiWire]:
    with OpenAiWire() as wire:
        yield wire


class Canaries:
    def __init__(self) -> None:
        self._numbers = count(1)
        self.flown = 0

    def __call__(self) -> str:
        self.flown += 1
        return f"canary{next(self._numbers):04}x"


@asynccontextmanager
async def system(wire: OpenAiWire, key: str) -> AsyncGenerator[VoiceSystem]:
    """A conversation whose language model is elsewhere."""
    script = Script()
    async with HttpClient.open() as http:
        at = endpoint("openai", base_url=wire.base_url, key=Secret(key))
        providers = (
            child(Recogniser, script, name="stt"),
            child(OpenAiChat, http, at, "gpt-x", name="llm"),
            child(Synthesizer, script, name="tts"),
        )
        async with scripted_system(script, 5.0, providers=providers) as voice:
            yield voice


def headers_with(canary: Canaries) -> Iterator[dict[str, str]]:
    yield {"Authorization": f"Bearer {canary()}"}
    yield {"Authorization": f"Bearer ek_{canary()}"}
    yield {"Authorization": f"Basic {base64.b64encode(f'{canary()}:{canary()}'.encode()).decode()}"}
    yield {"Authorization": canary()}
    for name in ("api-key", "X-API-Key", "Cookie", "User-Agent", "Referer", "X-Forwarded-For", "OpenAI-Beta"):
        yield {name: canary(), "Authorization": "Bearer right"}
    yield {"Origin": f"https://{canary()}.example.com"}
    yield {"Origin": canary(), "Authorization": "Bearer right"}


def bodies_with(canary: Canaries) -> Iterator[bytes]:
    for body in (
        {canary(): 1},
        {"session": {"type": canary()}},
        {"session": {"type": "realtime", "model": canary(), "instructions": canary()}},
        {"session": {"type": "realtime", canary(): canary()}},
        {"expires_after": {"anchor": canary(), "seconds": 60}},
        {"model": canary(), "instructions": canary(), "voice": canary()},
        {"voice": [canary()], "seconds": canary()},
    ):
        yield json.dumps(body).encode()
    yield f'{{"{canary()}'.encode()
    yield canary().encode() * 50


def events_with(canary: Canaries) -> Iterator[str | bytes]:
    for event in (
        {"type": canary()},
        {"type": "session.update", "session": {"type": canary()}},
        {"type": "session.update", "event_id": canary(), "session": {"type": "realtime", "voice": canary()}},
        {"type": "session.update", "session": {"type": "realtime", "instructions": canary(), "tracing": canary()}},
        {"type": "conversation.item.retrieve", "item_id": canary()},
        {"type": "conversation.item.create", "item": {"type": canary()}},
        {"type": "conversation.item.create", "previous_item_id": canary(), "item": text_item(canary())},
        {"type": "input_audio_buffer.append", "audio": canary()},
        {"type": "response.create", "response": {"metadata": {"canary": canary()}, "instructions": canary()}},
        {"type": "response.cancel", "response_id": canary()},
    ):
        yield json.dumps(event)
    yield f'{{"type": "{canary()}'
    yield canary().encode()


def text_item(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


async def converse(url: str, canary: Canaries, wire: OpenAiWire) -> None:
    """Say canaries in a session, whose provider then answers with canaries of its own."""
    faults = (
        Refuse(401, code=canary()),
        Refuse(500, code=canary()),
        Replace(json.dumps({"error": {"message": canary(), "code": canary()}}).encode()),
        Replace(f"<html>{canary()}</html>".encode(), "text/html"),
        Replace(f'data: {{"{canary()}": \n\n'.encode(), "text/event-stream"),
    )
    async with connect(f"{url}?model={canary()}", additional_headers={"Authorization": "Bearer right"}) as socket:
        for event in events_with(canary):
            await socket.send(event)
        for fault in faults:
            wire.fail(CHAT, fault)
            await socket.send(json.dumps({"type": "conversation.item.create", "item": text_item(canary())}))
            await socket.send('{"type": "response.create", "response": {"conversation": "none"}}')
            with fail_after(10):
                while json.loads(await socket.recv())["type"] != "response.done":
                    pass
            wire.reset()
        await socket.close(4000, canary())


async def knock(url: str, canary: Canaries) -> list[str]:
    """Ask for sessions with canaries in the head of the request; return the refusals."""
    answers: list[str] = []
    attempts = [
        *({"additional_headers": headers} for headers in headers_with(canary)),
        {"subprotocols": ["realtime", f"openai-insecure-api-key.{canary()}"]},
        {"subprotocols": [canary(), f"openai-organization.{canary()}"]},
    ]
    for attempt in attempts:
        try:
            with suppress(OSError):
                async with connect(f"{url}?api_key={canary()}&call_id={canary()}", **attempt):
                    pass
        except InvalidHandshake as refused:
            response = getattr(refused, "response", None)
            answers.append(str(refused) + (response.body.decode() + str(response.headers) if response else ""))
    return answers


async def test_no_canary_comes_out(
    wire: OpenAiWire, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    canary = Canaries()
    answers: list[str] = []
    access = Access((Secret("right"), Secret(canary())))
    gateway = Gateway(access, "default", partial(system, wire, canary()), limits=Limits(guesses_per_minute=20))
    async with (
        serving(gateway.application()) as address,
        httpx2.AsyncClient(base_url=f"http://{address}") as http,
    ):
        url = f"ws://{address}/v1/realtime"
        await converse(url, canary, wire)
        answers += await knock(url, canary)
        for path in (*PATHS, *MINTING):
            answers.append(said(await http.get(f"{path}?api_key={canary()}&{canary()}")))
            answers.append(said(await http.get(f"{path}/{canary()}")))
            answers += [said(await http.post(path, headers=each)) for each in headers_with(canary)]
        own = {"Authorization": "Bearer right"}
        for path in MINTING:
            for body in bodies_with(canary):
                answer = await http.post(path, content=body, headers=own)
                if answer.status_code not in (200, 400):  # what is asked for is given back, as is what was wrong in it
                    answers.append(said(answer))
        answers += [said(await http.get(path, headers=own)) for path in PATHS]
    assert canary.flown >= 200, canary.flown
    logged = [written(record) for record in caplog.records if not record.name.startswith(OURS)]
    out = "\n".join([*answers, *capfd.readouterr(), *logged])
    assert sorted({word for word in out.replace('"', " ").split() if "canary" in word}) == []
    assert "troupe_stage_seconds" in out
    assert "troupe_failed_total{} 0" not in out
    assert "sessions/sess_" in "".join(logged)


def said(answer: httpx2.Response) -> str:
    return f"{answer.headers}\n{answer.text}"


def written(record: logging.LogRecord) -> str:
    """All that a formatter could make of a record."""
    return f"{record.getMessage()} {record.exc_text or ''} {record.exc_info or ''} {record.__dict__}"
