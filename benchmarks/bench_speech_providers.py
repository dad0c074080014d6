"""Speech providers over WebSockets: what our client costs per message, and until the first sound; calls that are left.

The peer is the client of the `websockets` library, which our connections share the protocol with. Server: a process of
its own. Every message comes in a packet of its own, as from a real one.
"""

import asyncio
import time
from pathlib import Path

import anyio
import uvloop
from anyio import create_task_group, move_on_after
from harness import Row, at_most, percentile
from load.wire import wire
from msgspec import json
from troupe.actors.contracts import Say, Synthesize
from troupe.actors.http import Deadlines, HttpClient
from troupe.actors.providers.deepgram.endpoint import DeepgramEndpoint
from troupe.actors.providers.deepgram.synthesizer import DeepgramSynthesizer
from troupe.actors.providers.deepgram.wire.speak import SpeakOptions
from troupe.actors.websocket import SocketRequest, connect
from troupe.runtime import Ref, child, open_system
from websockets.asyncio.client import connect as peer_connect

PAUSE = 0.0005
"""Seconds between two messages."""
TEXT = "word " * 20
"""6 s of speech in 60 messages of 4.8 kB."""
QUERY = "/v1/speak?model=aura-2-thalia-en&encoding=linear16&sample_rate=24000"
SPEAK = (json.encode({"type": "Speak", "text": TEXT}).decode(), '{"type":"Flush"}')
CALLERS = 20


async def fault(url: str, *faults: dict[str, object]) -> None:
    """Have the next connection meet these."""
    body = json.encode({"path": "/v1/speak", "faults": faults})
    reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
    writer.write(
        b"POST /wire/faults HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    )
    writer.write(body)
    await reader.read()
    writer.close()
    await writer.wait_closed()


async def ours(url: str, repeats: int) -> tuple[float, int]:
    """Read speech with our client; return CPU seconds and messages."""
    request = SocketRequest(url="ws" + url.removeprefix("http") + QUERY)
    async with connect(request, provider="x", deadlines=Deadlines()) as socket:
        for message in SPEAK * repeats:
            await socket.send(message)
        before, messages, left = time.process_time(), 0, repeats
        while left:
            message = await socket.receive()
            messages += 1
            left -= isinstance(message, str) and "Flushed" in message
        return time.process_time() - before, messages


async def peer(url: str, repeats: int) -> tuple[float, int]:
    """Read the same with the library's own client."""
    async with peer_connect("ws" + url.removeprefix("http") + QUERY, compression=None, ping_interval=None) as socket:
        for message in SPEAK * repeats:
            await socket.send(message)
        before, messages, left = time.process_time(), 0, repeats
        while left:
            message = await socket.recv()
            messages += 1
            left -= isinstance(message, str) and "Flushed" in message
        return time.process_time() - before, messages


async def first_sound(ref: Ref) -> float:
    """Return the seconds from the beginning of a call to its first audio, the connection included."""
    started = time.perf_counter()
    async with ref.open(Synthesize()) as voice:
        await voice.send(Say("Hello."))
        while not (await voice.receive()).pcm:
            pass
        return time.perf_counter() - started


async def first_bytes(url: str) -> float:
    """The same with the library's own client."""
    started = time.perf_counter()
    async with peer_connect("ws" + url.removeprefix("http") + QUERY, compression=None) as socket:
        await socket.send('{"type":"Speak","text":"Hello."}')
        await socket.send('{"type":"Flush"}')
        while not isinstance(await socket.recv(), bytes):
            pass
        return time.perf_counter() - started


async def left_open(ref: Ref, calls: int) -> int:
    """Leave that many calls at their first sound; return the sockets and tasks that stay."""
    before = open_now()

    async def leave() -> None:
        for _ in range(calls // CALLERS):
            await first_sound(ref)

    async with create_task_group() as tasks:
        for _ in range(CALLERS):
            tasks.start_soon(leave)
    left = 0
    with move_on_after(3):
        while left := sum(max(0, now - then) for now, then in zip(open_now(), before, strict=True)):
            await anyio.sleep(0.05)
    return left


def open_now() -> tuple[int, int]:
    """Return how many files and tasks there are; not counting the tasks that an actor keeps for its next calls."""
    tasks = [task for task in asyncio.all_tasks() if "_extra_worker" not in task.get_name()]
    return len(list(Path("/proc/self/fd").iterdir())), len(tasks)


async def _rows(url: str, *, quick: bool) -> list[Row]:
    repeats, rounds = (2, 1) if quick else (20, 5)
    costs: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(rounds):
        for name, read in (("ours", ours), ("peer", peer)):
            await fault(url, {"type": "Drip", "size": 2**20, "seconds": PAUSE})
            seconds, messages = await read(url, repeats)
            costs[name].append(seconds * 1e6 / messages)
    at = DeepgramEndpoint(base_url=url)
    async with (
        HttpClient.open() as http,
        open_system(child(DeepgramSynthesizer, http, at, SpeakOptions(model="aura-2-thalia-en"), name="tts")) as system,
    ):
        ref = system.ref("tts")
        await first_sound(ref)
        sounds, bare = [], []
        for _ in range(10 if quick else 200):
            sounds.append(await first_sound(ref) * 1000)
            bare.append(await first_bytes(url) * 1000)
        left = await left_open(ref, 100 if quick else 1000)
    return [
        at_most(
            2.0,
            what="a message of 4.8 kB, read",
            value=min(costs["ours"]),
            unit="µs CPU",
            floor=min(costs["peer"]),
            floor_name="the client of `websockets`",
        ),
        Row(
            what="from a text to the first sound, connection included, median",
            value=percentile(sounds, 0.5),
            unit="ms",
            floor=percentile(bare, 0.5),
            floor_name="the client of `websockets`",
            goal="≤ 3 ms more",
            met=percentile(sounds, 0.5) - percentile(bare, 0.5) <= 3,
        ),
        at_most(
            1, what="sockets and tasks left by calls that were left", value=left, unit="", floor=0, floor_name="none"
        ),
    ]


def rows(*, quick: bool) -> list[Row]:
    """Measure on uvloop."""
    with wire("deepgram") as url:
        return uvloop.run(_rows(url, quick=quick))
