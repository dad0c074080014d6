"""Health checks from outside: by HTTP and by TCP. Those by command the engine makes itself, and tells of as events."""

from http import HTTPStatus
from typing import Final

import httpx2
from anyio import BrokenResourceError, EndOfStream, connect_tcp, fail_after, move_on_after

from .manifest import Health
from .status import Place

LINGER: Final = 0.1
"""Seconds after which a connection that was not closed again counts as taken: the engine's proxy takes all of them, and
closes those behind which nobody listens."""


async def probe(client: httpx2.AsyncClient, health: Health, places: dict[str, Place]) -> str:
    """Check a service once; return what is wrong, for people, or nothing if it is well. Cancelling is safe.

    Args:
        client: Without a pool worth mentioning: what a service keeps open does not show that it still listens.
        health: How; one by command is not for here.
        places: Where its ports are.
    """
    try:
        with fail_after(health.timeout):
            if health.http:
                place = places[health.port] if health.port else next(iter(places.values()))
                return await _http(client, place.url(health.http))
            return await _tcp(places[health.tcp])
    except TimeoutError:
        return f"no answer within {health.timeout:g} s"


async def _http(client: httpx2.AsyncClient, url: str) -> str:
    try:
        async with client.stream("GET", url, headers={"connection": "close"}) as response:
            return "" if response.status_code < HTTPStatus.BAD_REQUEST else f"HTTP {response.status_code}"
    except httpx2.TransportError:
        return "it does not answer"


async def _tcp(place: Place) -> str:
    try:
        async with await connect_tcp(place.host, place.port) as connection:
            with move_on_after(LINGER):
                await connection.receive(1)
    except (OSError, EndOfStream, BrokenResourceError):
        return "nobody listens"
    return ""
