"""Under ``troupe serve`` the event loop is uvicorn's: no task of anyio's is around when a frame comes."""

import asyncio
import json
from functools import partial

import pytest
from conversations import Script, scripted_system
from servers import serving
from troupe.services.gateway.app import Gateway
from websockets.asyncio.client import connect

pytestmark = pytest.mark.real_time


def test_an_event_is_served_in_the_step_that_brings_it_where_there_is_no_task() -> None:
    async def respond() -> None:
        gateway = Gateway(system=partial(scripted_system, Script(), 5.0))
        async with serving(gateway.application()) as address, connect(f"ws://{address}/v1/realtime") as socket:
            await socket.recv()
            await socket.send(json.dumps({"type": "response.create"}))
            kinds: list[str] = []
            while "response.done" not in kinds:
                kinds.append(json.loads(await asyncio.wait_for(socket.recv(), 10))["type"])
            assert kinds[0] == "response.created"

    asyncio.run(respond())
