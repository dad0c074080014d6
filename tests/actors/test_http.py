"""The client over real sockets: deadlines in items, requests end with their block, nothing is shared, nothing told."""

import logging
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import perf_counter

import pytest
from anyio import create_task_group, fail_after, move_on_after, sleep, to_thread
from starlette.requests import Request
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    ProviderError,
    ProviderFailed,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from troupe.actors.http import Deadlines, HttpAnswer, HttpClient, HttpRequest
from troupe.actors.retries import Retries
from troupe.services.wire import Cut, Drip, Exchange, Insert, Late, Refuse, Replace, Reset, Stall, WireServer
from troupe.services.wire.answers import Answer, json_answer, sse_answer
from troupe.services.wire.openai.refusals import refusal
from troupe.services.wire.server import Handler

pytestmark = pytest.mark.real_time

KEY = "sk-canary-777"
EVENTS = 5


class PlainWire(WireServer):
    """Events, lines, a redirection, a cookie."""

    def handlers(self) -> dict[tuple[str, str], Handler]:
        return {
            ("POST", "/events"): self._events,
            ("GET", "/lines"): self._lines,
            ("GET", "/redirect"): self._redirect,
            ("GET", "/cookie"): self._cookie,
            ("GET", "/compressed"): self._compressed,
        }

    def refuse(self, status: int, code: str | None = None) -> Answer:
        return refusal(status, code)

    async def _events(self, request: Request) -> Answer:
        return sse_answer(*({"number": number} for number in range(EVENTS)), done=False)

    async def _lines(self, request: Request) -> Answer:
        return Answer(headers={"content-type": "application/x-ndjson"}, steps=(b'{"a":1}\n{"b":', b"2}"), streamed=True)

    async def _redirect(self, request: Request) -> Answer:
        return Answer(status=307, headers={"location": str(request.url.replace(path="/lines"))})

    async def _cookie(self, request: Request) -> Answer:
        return json_answer({}).with_headers(set_cookie="tenant=a; Path=/")

    async def _compressed(self, request: Request) -> Answer:
        return json_answer({}).with_headers(content_encoding="gzip")


@pytest.fixture(scope="module")
def running_server():
    with PlainWire() as server:
        yield server


@pytest.fixture
def server(running_server: PlainWire) -> PlainWire:
    running_server.reset()
    return running_server


@asynccontextmanager
async def sent(
    server: PlainWire, *, path: str = "/events", retries: Retries | None = None, **deadlines: float
) -> AsyncGenerator[HttpAnswer]:
    method = "POST" if path == "/events" else "GET"
    request = HttpRequest(method=method, url=server.url + path, headers={"authorization": f"Bearer {KEY}"})
    async with (
        HttpClient.open() as http,
        http.stream(request, provider="wire", deadlines=Deadlines(**deadlines), retries=retries) as answer,
    ):
        yield answer


async def read_events(server: PlainWire, **options: float) -> list[bytes]:
    async with sent(server, **options) as answer:
        return [event.data async for event in answer.events()]


async def outcome(exchange: Exchange) -> str:
    with fail_after(2):
        while not exchange.ended.is_set():
            await sleep(0.002)
    return exchange.outcome


async def open_sockets() -> int:
    """Those of this process, the server's ends included."""

    def count() -> int:
        found = 0
        for link in Path("/proc/self/fd").iterdir():
            with suppress(OSError):  # the folder's own, which is closed by now
                found += str(link.readlink()).startswith("socket:")
        return found

    return await to_thread.run_sync(count)


NUMBERS = [b'{"number":%d}' % number for number in range(EVENTS)]


async def test_events_and_lines_come_as_they_are(server: PlainWire) -> None:
    assert await read_events(server) == NUMBERS
    server.fail("/events", Drip(1))
    assert await read_events(server) == NUMBERS
    async with sent(server, path="/lines") as answer:
        assert answer.content_type == "application/x-ndjson"
        assert [line async for line in answer.lines()] == [b'{"a":1}', b'{"b":2}']
    async with sent(server, path="/lines") as answer:
        assert await answer.read(100) == b'{"a":1}\n{"b":2}'


async def test_a_body_over_the_limit_is_not_read(server: PlainWire) -> None:
    async with sent(server, path="/lines") as answer:
        with pytest.raises(BrokenStream, match="more than 9 bytes"):
            await answer.read(9)


class TestDeadlines:
    @pytest.mark.parametrize("fault", [Late(), Stall(0), Drip(1, 0.05)], ids=["status", "body", "drip"])
    async def test_the_first_item(self, server: PlainWire, fault: Late | Stall | Drip) -> None:
        server.fail("/events", fault)
        with pytest.raises(ProviderTimeout, match="no answer in time"):
            await read_events(server, first=0.2, between=math.inf, total=math.inf)
        assert await outcome(server.last("/events")) == "left"

    async def test_the_next_item(self, server: PlainWire) -> None:
        server.fail("/events", Stall(2))
        got = []
        async with sent(server, first=math.inf, between=0.4, total=math.inf) as answer:
            with pytest.raises(ProviderTimeout, match="next item"):
                async for event in answer.events():
                    got.append(event.data)
        assert got == NUMBERS[:2]
        assert await outcome(server.last("/events")) == "left"

    async def test_comments_that_keep_a_line_open_are_no_items(self, server: PlainWire) -> None:
        server.fail("/events", *[Insert(1, b": working\n\n")] * 30, Drip(11, 0.02))
        with pytest.raises(ProviderTimeout, match="next item"):
            await read_events(server, between=0.2)

    async def test_everything_together(self, server: PlainWire) -> None:
        server.fail("/events", Drip(22, 0.1))  # each item in time, one every 0.1 s
        async with sent(server, first=math.inf, between=math.inf, total=0.25) as answer:
            with pytest.raises(ProviderTimeout, match="not done in time"):
                async for _ in answer.events():
                    pass

    async def test_the_readers_own_time_does_not_count(self, server: PlainWire) -> None:
        got = []
        async with sent(server, first=0.5, between=0.05, total=0.5) as answer:
            async for event in answer.events():
                got.append(event.data)
                await sleep(0.1)
        assert got == NUMBERS

    async def test_a_connection(self) -> None:
        request = HttpRequest(
            method="GET", url="http://192.0.2.1/"
        )  # TEST-NET-1: nobody answers, or the kernel refuses
        async with HttpClient.open() as http:
            with pytest.raises((ProviderTimeout, ProviderUnavailable)):
                await http.fetch(request, provider="wire", deadlines=Deadlines(connect=0.1))

    async def test_a_port_where_nobody_listens(self) -> None:
        async with HttpClient.open() as http:
            with pytest.raises(ProviderUnavailable, match="no connection"):
                await http.fetch(
                    HttpRequest(method="GET", url="http://127.0.0.1:1/"), provider="wire", deadlines=Deadlines()
                )


class TestConnections:
    @pytest.mark.parametrize("fault", [Reset, Cut])
    async def test_one_that_is_lost_breaks_the_stream_after_what_came(
        self, server: PlainWire, fault: Callable[[int], Reset | Cut]
    ) -> None:
        whole = b"".join(b"data: %b\n\n" % number for number in NUMBERS)
        for at in range(0, len(whole), 13):
            server.fail("/events", fault(at))
            got = []
            async with sent(server) as answer:
                with pytest.raises(BrokenStream, match="connection"):
                    async for event in answer.events():
                        got.append(event.data)
            assert got == NUMBERS[: whole[:at].count(b"\n\n")]

    async def test_leaving_the_block_closes_the_request(self, server: PlainWire) -> None:
        server.fail("/events", Stall(2))
        async with sent(server) as answer:
            async for event in answer.events():
                if event.data == NUMBERS[1]:
                    break
        assert await outcome(server.last("/events")) == "left"

    @pytest.mark.parametrize("fault", [Late(), Stall(0), Stall(1)], ids=["status", "body", "middle"])
    async def test_cancelling_closes_the_request(self, server: PlainWire, fault: Late | Stall) -> None:
        server.fail("/events", fault)
        with move_on_after(0.2) as scope:
            await read_events(server)
        assert scope.cancelled_caught
        assert await outcome(server.last("/events")) == "left"

    async def test_a_storm_of_cancellations_leaves_the_pool_whole(self, server: PlainWire) -> None:
        request = HttpRequest(method="POST", url=f"{server.url}/events")
        async with HttpClient.open() as http:

            async def call(patience: float) -> None:
                with move_on_after(patience):
                    async with http.stream(request, provider="wire", deadlines=Deadlines()) as answer:
                        async for _ in answer.events():
                            pass

            before = await open_sockets()
            for round_ in range(6):
                for _ in range(20):
                    server.fail("/events", Stall(round_ % 4))
                async with create_task_group() as tasks:
                    for number in range(20):
                        tasks.start_soon(call, 0.005 + 0.004 * number)
            server.reset()
            with fail_after(2):
                async with http.stream(request, provider="wire", deadlines=Deadlines()) as answer:
                    assert len([event async for event in answer.events()]) == EVENTS
            with fail_after(2):
                while await open_sockets() > before + 2:  # the server closes its ends a moment later
                    await sleep(0.01)

    async def test_one_is_used_again_also_when_its_body_goes_on_a_little(self, server: PlainWire) -> None:
        request = HttpRequest(method="POST", url=f"{server.url}/events")
        async with HttpClient.open() as http:
            for _ in range(3):
                server.fail("/events", Stall(EVENTS, 0.02))
                async with http.stream(request, provider="wire", deadlines=Deadlines()) as answer:
                    async for event in answer.events():
                        if event.data == NUMBERS[-1]:
                            break
                    await answer.drain()
        assert len({exchange.connection for exchange in server.exchanges}) == 1

    async def test_one_whose_body_does_not_end_is_given_up(self, server: PlainWire) -> None:
        server.fail("/events", Stall(EVENTS))
        async with sent(server) as answer:
            async for event in answer.events():
                if event.data == NUMBERS[-1]:
                    break
            await answer.drain()  # the server never ends it
        assert await outcome(server.last("/events")) == "left"


class TestRetries:
    async def test_a_server_in_trouble_is_asked_again(self, server: PlainWire) -> None:
        server.fail("/events", Refuse(503))
        server.fail("/events", Refuse(500))
        async with sent(server, retries=Retries()) as answer:
            assert [event.data async for event in answer.events()] == NUMBERS
        assert len(server.exchanges) == 3

    async def test_not_for_ever(self, server: PlainWire) -> None:
        for _ in range(5):
            server.fail("/events", Refuse(503))
        with pytest.raises(ProviderUnavailable, match="HTTP 503"):
            async with sent(server, retries=Retries()):
                pass
        assert len(server.exchanges) == 3

    async def test_when_it_said(self, server: PlainWire) -> None:
        server.fail("/events", Refuse(429, retry_after=0.3))
        started = perf_counter()
        async with sent(server, retries=Retries()) as answer:
            assert [event.data async for event in answer.events()] == NUMBERS
        assert perf_counter() - started > 0.27

    async def test_not_when_that_is_too_late(self, server: PlainWire) -> None:
        server.fail("/events", Refuse(429, retry_after=60))
        with pytest.raises(RateLimited) as caught:
            async with sent(server, retries=Retries()):
                pass
        assert caught.value.retry_after == 60
        assert len(server.exchanges) == 1

    @pytest.mark.parametrize(
        "fault", [Refuse(400), Refuse(401), Refuse(429, code="insufficient_quota"), Refuse(404), Refuse(413)]
    )
    async def test_never_where_it_would_be_refused_again(self, server: PlainWire, fault: Refuse) -> None:
        server.fail("/events", fault)
        with pytest.raises(ProviderError):
            async with sent(server, retries=Retries()):
                pass
        assert len(server.exchanges) == 1

    async def test_never_once_an_answer_has_begun(self, server: PlainWire) -> None:
        server.fail("/events", Reset(1))
        with pytest.raises(BrokenStream):
            async with sent(server, retries=Retries()) as answer:
                await answer.read(100)
        assert len(server.exchanges) == 1

    async def test_the_first_deadline_is_for_all_tries(self, server: PlainWire) -> None:
        server.fail("/events", Refuse(503))
        server.fail("/events", Late())
        with pytest.raises(ProviderTimeout):
            async with sent(server, retries=Retries(), first=1, total=math.inf):
                pass
        assert len(server.exchanges) == 2


class TestDiscretion:
    async def test_a_key_does_not_follow_a_redirection(self, server: PlainWire) -> None:
        with pytest.raises(ProviderFailed, match="HTTP 307"):
            async with sent(server, path="/redirect"):
                pass
        assert [exchange.path for exchange in server.exchanges] == ["/redirect"]

    async def test_cookies_are_not_kept(self, server: PlainWire) -> None:
        request = HttpRequest(method="GET", url=f"{server.url}/cookie")
        async with HttpClient.open() as http:
            for _ in range(2):
                await http.fetch(request, provider="wire", deadlines=Deadlines())
        assert all("cookie" not in exchange.headers for exchange in server.exchanges)

    async def test_a_compressed_answer_is_refused(self, server: PlainWire) -> None:
        async with sent(server, path="/compressed") as answer:
            with pytest.raises(BrokenStream, match="compressed"):
                await answer.read(100)
        assert server.last("/compressed").headers["accept-encoding"] == "identity"

    async def test_no_log_and_no_error_has_the_key_or_a_word_of_the_answer(
        self, server: PlainWire, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        server.fail("/events", Refuse(401))
        server.fail("/events", Replace(b"data: private\n\n"), Cut(9))
        with pytest.raises(AuthenticationFailed) as refused:
            await read_events(server)
        with pytest.raises(BrokenStream) as broken:
            await read_events(server)
        told = caplog.text + "".join(
            f"{error} {error!r} {error.details} {error.__cause__}" for error in (refused.value, broken.value)
        )
        for word in (KEY, "canary", "private", "Incorrect", "troupe-wire"):
            assert word not in told

    def test_a_request_does_not_show_its_headers_and_body(self) -> None:
        request = HttpRequest(
            method="POST", url="https://api.example/v1/x?token=t", headers={"authorization": KEY}, body=b"words"
        )
        assert repr(request) == "HttpRequest(POST https://api.example/v1/x, 5 bytes)"
