"""Servers that a conversation can't be had with, behind real sockets."""

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from io import StringIO

import pytest
from rich.console import Console
from troupe.services.talk import client
from troupe.services.talk.client import Conversation, TalkFailed, Wishes, conversation
from troupe.services.talk.screen import Screen
from troupe.services.talk.sound import Answers
from websockets.asyncio.server import ServerConnection, serve

pytestmark = pytest.mark.real_time

SECOND = base64.b64encode(bytes(48_000)).decode()


def talk(server: Callable[[ServerConnection], Awaitable[None]], part: Callable[[Conversation], Awaitable[None]]) -> str:
    """Have a conversation with such a server, and return why it failed."""

    async def run() -> None:
        async with serve(server, "127.0.0.1", 0, compression=None, max_queue=1, close_timeout=0.2) as listening:
            port = listening.sockets[0].getsockname()[1]
            screen, sound = Screen(Console(file=StringIO())), Answers(asyncio.get_running_loop().time)
            async with conversation(Wishes(url=f"ws://127.0.0.1:{port}"), screen, sound, spoken=True) as talking:
                await part(talking)

    with pytest.raises(TalkFailed) as failed:
        asyncio.run(run())
    return str(failed.value)


async def babble(connection: ServerConnection) -> None:
    place = {"response_id": "r", "item_id": "i", "output_index": 0, "content_index": 0, "event_id": "e"}
    while True:
        await connection.send(json.dumps({"type": "response.output_audio.delta", **place, "delta": SECOND}))


async def stare(connection: ServerConnection) -> None:
    await connection.wait_closed()


def test_a_server_that_speaks_without_end_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "MOST_UNHEARD", 5.0)

    async def wait(_: Conversation) -> None:
        await asyncio.sleep(60)

    assert "speech to be heard" in talk(babble, wait)


def test_a_server_that_does_not_listen_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "TO_SEND", 0.3)

    async def send(talking: Conversation) -> None:
        while True:
            await talking.append(bytes(2**18))

    assert "has not taken" in talk(stare, send)
