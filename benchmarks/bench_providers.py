"""Providers over HTTP: what our client adds to bare httpx2, per token and until the first one; many cancelled streams.

The provider is the wire server, in a process of its own. Every token comes in a packet of its own, as from a real one.
What it takes to understand each protocol is measured apart from that, without I/O.
"""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from pathlib import Path

import anyio
import httpx2
import uvloop
from anyio import create_task_group, move_on_after
from harness import Row, at_most, cpu_seconds, interleaved, percentile
from load.wire import wire
from msgspec import json
from troupe.actors.contracts import Generate, TextDelta, TextPart, Turn
from troupe.actors.generation import AnswerDecoder
from troupe.actors.http import Deadlines, HttpClient
from troupe.actors.ndjson import NdjsonDecoder
from troupe.actors.providers.anthropic.wire.answers import MessageDecoder
from troupe.actors.providers.ollama.wire.chat import ChatDecoder as OllamaDecoder
from troupe.actors.providers.openai.chat import OpenAiChat
from troupe.actors.providers.openai.endpoint import Dialect, endpoint
from troupe.actors.providers.openai.wire.chat import ChatDecoder as OpenAiDecoder
from troupe.actors.providers.openai.wire.chat import encode_chat
from troupe.actors.providers.openai.wire.options import ChatOptions
from troupe.actors.routing import BreakerPolicy, FallbackModel, ModelPatience, Provider
from troupe.actors.sse import SseDecoder
from troupe.runtime import System, child, open_system
from troupe.services.wire.answers import Answer
from troupe.services.wire.anthropic import messages as anthropic_wire
from troupe.services.wire.ollama import chat as ollama_wire
from troupe.services.wire.openai import chat as openai_wire
from troupe.services.wire.replies import Reply

CHAT = "/v1/chat/completions"
PAUSE = 0.0005
"""Seconds between two tokens."""
LATE = 0.8
"""Seconds that the provider thinks before its first token, where that is measured."""
SPACING = 0.01
"""Seconds from one stream to the next there: all think at the same time, but don't begin in the same moment."""
STREAMS = 50
DEATH = 6000
"""Bytes of an answer after which its connection is reset: some twenty tokens."""
NEVER_OPEN = BreakerPolicy(consecutive=10**9, least=10**9)


@asynccontextmanager
async def clients(url: str) -> AsyncGenerator[tuple[System, httpx2.AsyncClient]]:
    """Open our actors, and the bare client beside them."""
    at = endpoint("openai", base_url=f"{url}/v1", deadlines=Deadlines(first=60, between=60))
    async with AsyncExitStack() as stack:
        bare = await stack.enter_async_context(
            httpx2.AsyncClient(limits=httpx2.Limits(max_connections=None, max_keepalive_connections=200))
        )
        http = await stack.enter_async_context(HttpClient.open())
        router = child(FallbackModel, [Provider("chat"), Provider("spare")], ModelPatience(), NEVER_OPEN, name="router")
        chats = [child(OpenAiChat, http, at, "m", name=name) for name in ("chat", "spare")]
        system = await stack.enter_async_context(open_system(*chats, router, on_event=lambda _: None))
        yield system, bare


def question(words: int) -> Generate:
    """The server repeats it, word by word."""
    return Generate(turns=(Turn(role="user", parts=(TextPart(" ".join(["word"] * words)),)),))


class Bench:
    """The measurements, for one server."""

    def __init__(self, url: str, system: System, bare: httpx2.AsyncClient) -> None:
        self._url = url
        self._ref = system.ref("chat")
        self._router = system.ref("router")
        self._bare = bare

    async def fault(self, *faults: dict[str, object]) -> None:
        await self._bare.post(f"{self._url}/wire/faults", content=json.encode({"path": CHAT, "faults": faults}))

    async def ours(self, request: Generate) -> tuple[float, int]:
        """Stream an answer through the actor; return seconds to the first token, and how many came."""
        started, first, tokens = time.perf_counter(), 0.0, 0
        async with self._ref.stream(request) as events:
            async for event in events:
                if isinstance(event, TextDelta):
                    first = first or time.perf_counter() - started
                    tokens += 1
        return first, tokens

    async def bare(self, request: Generate) -> tuple[float, int]:
        """Read the same bytes with httpx2, and do nothing with them."""
        body = encode_chat(request, "m", Dialect(), ChatOptions(), "openai")
        started, first = time.perf_counter(), 0.0
        async with self._bare.stream("POST", self._url + CHAT, content=body) as response:
            async for _ in response.aiter_raw():
                first = first or time.perf_counter() - started
        return first, 0

    async def per_token(self, tokens: int, rounds: int) -> tuple[float, float]:
        """CPU microseconds per token, ours and bare, measured in turn."""
        request = question(tokens)
        costs: dict[Callable[[Generate], Awaitable[object]], list[float]] = {self.ours: [], self.bare: []}
        for _ in range(rounds):
            for measure, seconds in costs.items():
                await self.fault({"type": "Drip", "size": 2**20, "seconds": PAUSE})
                before = time.process_time()
                await measure(request)
                seconds.append(time.process_time() - before)
        ours, bare = (min(seconds) * 1e6 / tokens for seconds in costs.values())
        return ours, bare

    async def first_token(self, rounds: int) -> tuple[float, float]:
        """Milliseconds to the first token at 50 streams, less the server's own; ours and bare.

        The 99th percentile of the best round: the others tell what else the machine was doing.
        """
        late: dict[Callable[[Generate], Awaitable[tuple[float, int]]], list[float]] = {self.ours: [], self.bare: []}
        for _ in range(rounds):
            for measure, percentiles in late.items():
                times: list[float] = []

                async def one(measure=measure, times=times) -> None:
                    times.append((await measure(question(3)))[0] - LATE)

                for _ in range(STREAMS):
                    await self.fault({"type": "Late", "seconds": LATE})
                async with create_task_group() as tasks:
                    for _ in range(STREAMS):
                        tasks.start_soon(one)
                        await anyio.sleep(SPACING)
                percentiles.append(percentile(times, 0.99) * 1000)
        ours, bare = (min(percentiles) for percentiles in late.values())
        return ours, bare

    async def replaced(self, calls: int) -> tuple[float, float]:
        """Reset the connection in mid-answer; return milliseconds until the other model goes on, and to a first token.

        Both are 99th percentiles. The first is the longest time between two tokens of each answer.
        """
        gaps: list[float] = []
        firsts: list[float] = []
        for _ in range(calls):
            await self.fault({"type": "Reset", "at": DEATH}, {"type": "Drip", "size": 2**20, "seconds": PAUSE})
            async with self._router.stream(question(40)) as events:
                times = [time.perf_counter() async for event in events if isinstance(event, TextDelta)]
            gaps.append(max(after - before for before, after in pairwise(times)))
            firsts.append((await self.ours(question(3)))[0])
        return percentile(gaps, 0.99) * 1000, percentile(firsts, 0.99) * 1000

    async def cancelled(self, calls: int) -> tuple[float, float]:
        """Cancel that many streams at their first token; return milliseconds for each, and what is left open."""
        sockets, tasks_before = _sockets(), len(asyncio.all_tasks())
        started = time.perf_counter()

        async def leave() -> None:
            for _ in range(calls // STREAMS):
                async with self._ref.stream(question(3)) as events:
                    await events.receive()

        for _ in range(calls):
            await self.fault({"type": "Stall", "after": 2})
        faults = time.perf_counter() - started
        async with create_task_group() as tasks:
            for _ in range(STREAMS):
                tasks.start_soon(leave)
        seconds = time.perf_counter() - started - faults
        left = 0
        with move_on_after(2):
            while left := max(0, _sockets() - sockets) + max(0, len(asyncio.all_tasks()) - tasks_before - 8):
                await anyio.sleep(0.05)
        return seconds * 1000 / calls, left


def _sockets() -> int:
    return sum(1 for link in Path("/proc/self/fd").iterdir() if str(link.resolve()).startswith("/proc"))


async def _rows(url: str, *, quick: bool) -> list[Row]:
    async with clients(url) as (system, plain):
        bench = Bench(url, system, plain)
        await bench.ours(question(1))
        await bench.bare(question(1))
        ours, bare = await bench.per_token(50 if quick else 2000, 1 if quick else 5)
        first, bare_first = await bench.first_token(1 if quick else 6)
        gap, own_first = await bench.replaced(5 if quick else 300)
        each, left = await bench.cancelled(100 if quick else 1000)
    return [
        Row(what="client, per streamed token", value=ours, unit="µs CPU", floor=bare, floor_name="bytes, bare httpx2"),
        Row(what="… of which is ours", value=ours - bare, unit="µs CPU", goal="≤ 15 µs", met=ours - bare <= 15),
        Row(
            what=f"first token after the server's delay, p99 of {STREAMS} streams",
            value=first,
            unit="ms",
            floor=bare_first,
            floor_name="first byte, bare httpx2",
        ),
        Row(what="… of which is ours", value=first - bare_first, unit="ms", goal="≤ 3 ms", met=first - bare_first <= 3),
        Row(
            what="a model dies in mid-answer, until another one goes on, p99",
            value=gap,
            unit="ms",
            floor=own_first,
            floor_name="its first token, p99",
            goal="≤ 50 ms more",
            met=gap - own_first <= 50,
        ),
        Row(what="a stream that is left at its first token", value=each, unit="ms"),
        at_most(1, what="sockets and tasks left by them", value=left, unit="", floor=0, floor_name="none"),
    ]


Cutter = Callable[[bytes], list[bytes]]
"""Cuts a body into the JSON texts that stand in it."""


def _event_data() -> Cutter:
    events = SseDecoder()
    return lambda chunk: [event.data for event in events.push(chunk)]


def _openai(tokens: int) -> Answer:
    asked = openai_wire.Asked(model="m", messages=({"role": "user", "content": "Hi"},), stream=True)
    return openai_wire.answer(asked, Reply(tokens=(" word",) * tokens), 1, openai_wire.Quirks())


def _anthropic(tokens: int) -> Answer:
    asked = anthropic_wire.Asked(
        model="m", max_tokens=tokens, messages=[{"role": "user", "content": "Hi"}], stream=True
    )
    return anthropic_wire.answer(asked, Reply(tokens=(" word",) * tokens), 1, anthropic_wire.Quirks())


def _ollama(tokens: int) -> Answer:
    asked = ollama_wire.AskedToChat(model="m", messages=[{"role": "user", "content": "Hi"}])
    return ollama_wire.chat(asked, Reply(tokens=(" word",) * tokens))


DIALECTS: dict[str, tuple[Callable[[int], Answer], Callable[[], Cutter], Callable[[], AnswerDecoder]]] = {
    "OpenAI": (_openai, _event_data, lambda: OpenAiDecoder("openai")),
    "Anthropic": (_anthropic, _event_data, lambda: MessageDecoder("anthropic")),
    "Ollama": (_ollama, lambda: NdjsonDecoder().push, lambda: OllamaDecoder("ollama")),
}


def understanding(*, quick: bool) -> Iterator[Row]:
    """Measure what a token costs from its bytes to its text, without I/O; over decoding its JSON and nothing else."""
    tokens = 200 if quick else 5000
    for name, (answer, cutter, decoder) in DIALECTS.items():
        packets = [step for step in answer(tokens).steps if isinstance(step, bytes)]
        texts = [text for packet in packets for text in cutter()(packet) if text.startswith(b"{")]

        def understand(packets=packets, cutter=cutter, decoder=decoder) -> None:
            cut, decode = cutter(), decoder()
            for packet in packets:
                for text in cut(packet):
                    decode.push(text)

        def parse(texts=texts) -> None:
            for text in texts:
                json.decode(text)

        ours, floor = interleaved(
            lambda understand=understand: cpu_seconds(understand),
            lambda parse=parse: cpu_seconds(parse),
            rounds=1 if quick else 7,
            best=min,
        )
        yield Row(
            what=f"{name}: bytes to text, per token",
            value=ours * 1e6 / tokens,
            unit="µs CPU",
            floor=floor * 1e6 / tokens,
            floor_name="its JSON, decoded",
        )


CONSUMED = {
    "importing what consumers need of troupe.actors": "troupe.actors.contracts, troupe.actors.errors",
    "… and the routers, with numpy": "troupe.actors.contracts, troupe.actors.errors, troupe.actors.routing",
}


def importing(*, quick: bool) -> Iterator[Row]:
    """Measure what it takes to import `troupe.actors` without any provider, in a process of its own."""
    for number, (what, modules) in enumerate(CONSUMED.items()):
        code = (
            f"import time; start = time.process_time()\nimport {modules}\nprint(time.process_time() - start)\n"
            "import sys; assert not any('.actors.providers' in name for name in sys.modules)"
        )
        times = [
            float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
            for _ in range(1 if quick else 7)
        ]
        best = min(times) * 1000
        if number:
            yield Row(what=what, value=best, unit="ms CPU")
        else:
            yield Row(what=what, value=best, unit="ms CPU", goal="≤ 150 ms", met=best <= 150)


def rows(*, quick: bool) -> list[Row]:
    """Measure on uvloop, and what needs no loop without one."""
    with wire("openai") as url:
        return [
            *uvloop.run(_rows(url, quick=quick)),
            *understanding(quick=quick),
            *importing(quick=quick),
        ]
