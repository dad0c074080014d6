"""What every language model does, whichever provider it is of: the conformance suite, over real sockets.

A provider joins by an entry in `language_models`; what is special about it is tested in its own folder.
"""

import math
from collections.abc import Iterator
from functools import cache
from itertools import cycle
from time import perf_counter

import anyio
import httpx2
import pytest
from anyio import create_task_group, fail_after, sleep
from language_models import (
    ECHO,
    HELLO,
    KEY,
    LanguageModel,
    answered,
    language_models,
    outcome,
    running,
    text_of,
    until_it_ends,
)
from msgspec.structs import replace
from troupe.actors.contracts import (
    Ended,
    GetUsage,
    ImagePart,
    ListModels,
    TextDelta,
    TextPart,
    ToolCall,
    ToolSpec,
    Turn,
    Usage,
)
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    InvalidRequest,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
    RequestTooLong,
)
from troupe.services.wire import Cut, Drip, End, Fault, Insert, Late, Refuse, Replace, Reset, Stall
from troupe.services.wire.replies import ModelWire, Reply, ToolUse

pytestmark = pytest.mark.real_time

SAID = "Grüße, 世界! 🎭 Fine."
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII="
TOOL = ToolSpec("weather", "Tells the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
CALLS = (ToolUse("weather", '{"city":"Köln"}', "call_a"), ToolUse("weather", "{}", "call_b"))
HTML = b"<html>sign in</html>"


@cache
def started(model: LanguageModel) -> ModelWire:
    return model.wire().__enter__()


@pytest.fixture(scope="module", autouse=True)
def servers() -> Iterator[None]:
    """Each provider's server runs for all tests of this module."""
    yield
    for model in MODELS:
        started(model).__exit__()
    started.cache_clear()


MODELS = list(language_models())


@pytest.fixture(params=MODELS, ids=str)
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return request.param


@pytest.fixture
def wire(model: LanguageModel) -> ModelWire:
    wire = started(model)
    wire.reset()
    return wire


async def test_an_answer_comes_token_by_token_and_says_what_it_used(model: LanguageModel, wire: ModelWire) -> None:
    cached = 1 if model.caching else 0
    wire.reply(reply=Reply(text=ECHO, cached_tokens=cached))
    async with running(model, wire) as ref:
        *tokens, ended = await answered(ref)
        usage = await ref.ask(GetUsage())
    assert tokens == [TextDelta("You"), TextDelta(" said:"), TextDelta(" Hello"), TextDelta(" you")]
    assert ended == Ended("stop", input_tokens=2, output_tokens=4, cached_tokens=cached, cost=ended.cost)
    assert usage == Usage(calls=1, input_tokens=2, output_tokens=4, cached_tokens=cached, cost=ended.cost or 0)
    request = wire.last(model.path)
    assert model.key.items() <= request.headers.items()
    assert request.json()["model"] == "some-model"
    assert request.json()["stream"] is True


async def test_a_conversation_with_tools_and_pictures(model: LanguageModel, wire: ModelWire) -> None:
    wire.reply(reply=Reply(text="One moment.", tool_calls=CALLS))
    looking = replace(
        HELLO,
        turns=(
            Turn(role="system", parts=(TextPart("Be brief."),)),
            Turn(role="user", parts=(TextPart("What is this?"), ImagePart(f"data:image/png;base64,{PIXEL}"))),
        ),
        tools=(TOOL,),
        model="other-model",
    )
    async with running(model, wire) as ref:
        events = await answered(ref, looking)
        assert text_of(events) == "One moment."
        calls = [event for event in events if isinstance(event, ToolCall)]
        assert [(call.name, call.arguments) for call in calls] == [(call.name, call.arguments) for call in CALLS]
        assert len({call.id for call in calls}) == 2
        assert isinstance(events[-1], Ended)
        assert events[-1].reason == "tool_calls"
        assert PIXEL.encode() in wire.last(model.path).body
        assert wire.last(model.path).json()["model"] == "other-model"
        asked = Turn(role="assistant", parts=(TextPart("One moment."),), tool_calls=tuple(calls))
        results = [Turn(role="tool", parts=(TextPart("sunny"),), tool_call_id=call.id) for call in calls]
        again = replace(looking, turns=(*looking.turns, asked, *results))
        assert text_of(await answered(ref, again)) == "You said: What is this?"
        if model.tool_choice:
            for choice in ("none", "required", "weather"):
                await answered(ref, replace(looking, tool_choice=choice))


async def test_a_limit_ends_the_answer_and_cuts_no_call_in_two(model: LanguageModel, wire: ModelWire) -> None:
    async with running(model, wire) as ref:
        events = await answered(ref, replace(HELLO, max_tokens=2, temperature=0.5))
    assert text_of(events) == "You said:"
    assert isinstance(events[-1], Ended)
    assert events[-1].reason == "length"


async def test_what_is_out_of_range_is_not_sent(model: LanguageModel, wire: ModelWire) -> None:
    async with running(model, wire) as ref:
        for wrong in (replace(HELLO, temperature=-1), replace(HELLO, max_tokens=0)):
            with pytest.raises(InvalidRequest, match=r"temperature: Expected|max_tokens: Expected"):
                await answered(ref, wrong)
    assert wire.exchanges == []


async def test_text_is_exact_however_it_comes(model: LanguageModel, wire: ModelWire) -> None:
    news = [Insert(at, model.frame(item)) for at, item in zip((1, 3, 5), cycle(model.unknown), strict=False)]
    async with running(model, wire) as ref:
        for faults in ((Drip(1),), (*news, Drip(7))):
            wire.reply(SAID)
            wire.fail(model.path, *faults)
            assert text_of(await answered(ref)) == SAID
        assert (await ref.ask(GetUsage())).unknown == len(news)
    assert len({exchange.connection for exchange in wire.exchanges}) == 1  # it served one turn after the other


REFUSALS: list[tuple[Fault, type[ProviderError]]] = [
    (Refuse(400), InvalidRequest),
    (Refuse(401), AuthenticationFailed),
    (Refuse(403), AuthenticationFailed),
    (Refuse(413), RequestTooLong),
    (Refuse(429, retry_after=99), RateLimited),
    (Refuse(500, retry_after=99), ProviderUnavailable),
    (Refuse(503, retry_after=99), ProviderUnavailable),
    (Refuse(502, retry_after=99, html=True), ProviderUnavailable),
    (Replace(), BrokenStream),
    (Replace(HTML, "text/html"), BrokenStream),
    (Replace(HTML), BrokenStream),
    (Replace(b"{}", "application/json"), BrokenStream),
]


async def test_nothing_is_answered(model: LanguageModel, wire: ModelWire) -> None:
    async with running(model, wire) as ref:
        for number, (fault, kind) in enumerate(REFUSALS, 1):
            wire.fail(model.path, fault)
            text, error = await until_it_ends(ref)
            assert (text, type(error)) == ("", kind), fault
            assert error is not None
            assert error.provider == model.name
            assert KEY not in f"{error!r} {error} {error.details}"
            assert ("request_id" in error.details) == model.request_ids, fault
            if isinstance(fault, Refuse):
                assert error.details["status"] == fault.status
                assert (error.retryable, error.retry_after) == (fault.retry_after is not None, fault.retry_after)
            assert len(wire.exchanges) == number  # none of them was worth another try
        assert text_of(await answered(ref)) == ECHO  # the actor lives on
        usage = await ref.ask(GetUsage())
    assert (usage.calls, usage.failures) == (len(REFUSALS) + 1, len(REFUSALS))


async def test_an_error_with_the_status_of_a_success(model: LanguageModel, wire: ModelWire) -> None:
    wire.fail(model.path, Replace(model.error_item))
    async with running(model, wire) as ref:
        text, error = await until_it_ends(ref)
    assert (text, type(error)) == ("", model.failure)
    assert "private" not in f"{error} {error.details if error else ''}"


async def test_an_answer_breaks_off_after_some_text(model: LanguageModel, wire: ModelWire) -> None:
    async with running(model, wire) as ref:
        await answered(ref)
        at = wire.last(model.path).sent * 6 // 10
        faults: list[tuple[Fault, type[ProviderError]]] = [
            (Insert(4, model.error_item), model.failure),
            (Insert(4, model.frame(b"{broken")), BrokenStream),
            (Insert(4, model.frame(b"7")), BrokenStream),
            (Insert(4, model.frame(b"\xff\xfe")), BrokenStream),
            *((broken(at), BrokenStream) for broken in (Reset, Cut, End)),
        ]
        for number, (fault, kind) in enumerate(faults, 2):
            wire.fail(model.path, fault)
            text, error = await until_it_ends(ref)
            assert type(error) is kind, fault
            assert error is not None
            assert text
            assert ECHO.startswith(text)
            assert "private" not in f"{error} {error.details}"
            assert ("request_id" in error.details) == model.request_ids
            assert len(wire.exchanges) == number  # a begun answer is never asked for again


@pytest.mark.parametrize(
    ("faults", "deadline", "reason"),
    [
        ((Late(), Stall(0), Drip(1, 0.01)), "first", "no answer in time"),
        ((Stall(4),), "between", "the next item did not come in time"),
        ((Drip(50, 0.01),), "total", "it is not done in time"),
    ],
    ids=["silent", "stalled", "slow"],
)
async def test_deadlines_end_what_takes_too_long(
    model: LanguageModel, wire: ModelWire, faults: tuple[Fault, ...], deadline: str, reason: str
) -> None:
    async def call() -> None:
        _, error = await until_it_ends(ref)
        assert isinstance(error, ProviderTimeout)
        assert error.reason == reason

    wire.reply("word " * 40)
    patience = {"first": math.inf, "between": math.inf, "total": math.inf, deadline: 0.15}
    async with running(model, wire, **patience) as ref, create_task_group() as tasks:
        for fault in faults:
            wire.fail(model.path, fault)
            tasks.start_soon(call)
    assert [await outcome(exchange) for exchange in wire.exchanges] == ["left"] * len(faults)


async def test_a_server_that_recovers_is_asked_again_when_it_says(model: LanguageModel, wire: ModelWire) -> None:
    wire.fail(model.path, Refuse(429, retry_after=0.05))
    wire.fail(model.path, Refuse(503, retry_after=0))
    async with running(model, wire) as ref:
        begun = perf_counter()
        assert text_of(await answered(ref)) == ECHO
        assert perf_counter() - begun >= 0.05
    assert len({exchange.body for exchange in wire.exchanges}) == 1
    assert len(wire.exchanges) == 3


async def test_a_server_that_is_not_there(model: LanguageModel) -> None:
    nowhere = model.wire()
    nowhere.url = "http://127.0.0.1:9"
    async with running(model, nowhere, first=0.05) as ref:
        with pytest.raises((ProviderUnavailable, ProviderTimeout)):
            await answered(ref)


async def test_leaving_closes_the_request(model: LanguageModel, wire: ModelWire) -> None:
    async with running(model, wire) as ref:
        wire.fail(model.path, Stall(5))
        async with ref.stream(HELLO) as events:
            await events.receive()
        wire.fail(model.path, Late())
        async with ref.stream(HELLO):
            with fail_after(2):
                while len(wire.exchanges) < 2:
                    await sleep(0.002)
        assert [await outcome(exchange) for exchange in wire.exchanges] == ["left", "left"]
        usage = await ref.ask(GetUsage())
    assert (usage.calls, usage.failures) == (2, 0)  # nobody failed


async def test_the_list_of_models_tells_whether_the_key_is_good(model: LanguageModel, wire: ModelWire) -> None:
    async with running(model, wire) as ref:
        assert all(model.id for model in await ref.ask(ListModels()))
        for fault, kind in ((Refuse(401), AuthenticationFailed), (Replace(HTML, "text/html"), BrokenStream)):
            wire.fail(model.models, fault)
            with pytest.raises(kind):
                await ref.ask(ListModels())
    assert {exchange.path for exchange in wire.exchanges} == {model.models}  # nothing that costs


async def test_broken_at_some_bytes_nothing_is_lost_or_repeated(model: LanguageModel, wire: ModelWire) -> None:
    async with running(model, wire) as ref:
        wire.reply(SAID)
        await answered(ref)
        whole = wire.last(model.path).sent
        for at, broken in zip(range(0, whole, whole // 12), cycle((Reset, Cut, End)), strict=False):
            wire.reply(SAID)
            wire.fail(model.path, broken(at))
            text, error = await until_it_ends(ref)
            assert SAID.startswith(text)
            assert text == SAID if error is None else isinstance(error, BrokenStream)


async def recorded(model: LanguageModel, wire: ModelWire, reply: Reply) -> bytes:
    """The body of an answer, as it comes over the wire."""
    async with running(model, wire) as ref, httpx2.AsyncClient() as client:
        wire.reply(reply=reply)
        await answered(ref, replace(HELLO, tools=(TOOL,)))
        request = wire.last(model.path)
        wire.reply(reply=reply)
        return (await client.post(wire.url + model.path, content=request.body, headers=request.headers)).content


def understood(model: LanguageModel, *chunks: bytes) -> tuple[str, list[tuple[str, str]] | None]:
    """The text and the calls in what came; no calls if it is not whole."""
    cutter, decoder, text = model.cutter(), model.decoder(), ""
    for chunk in chunks:
        for item in cutter.push(chunk):
            text += decoder.push(item)
    try:
        calls, _ = decoder.finish()
    except BrokenStream:
        assert not decoder.complete
        return text, None
    return text, [(call.name, call.arguments) for call in calls]


@pytest.mark.parametrize("reply", [Reply(text=SAID), Reply(text="Hm.", tool_calls=CALLS)], ids=["text", "calls"])
def test_cut_at_every_byte_it_is_whole_or_broken(model: LanguageModel, wire: ModelWire, reply: Reply) -> None:
    data = anyio.run(recorded, model, wire, reply)
    whole = reply.text, [(call.name, call.arguments) for call in reply.tool_calls]
    complete = False
    for size in range(len(data) + 1):
        text, calls = understood(model, data[:size])
        assert reply.text.startswith(text)
        assert (text, calls) == whole if calls is not None else not complete
        complete = calls is not None
    assert complete
    assert understood(model, *(data[at : at + 1] for at in range(len(data)))) == whole
    for line_end in (b"\r\n", b"\r"):
        if model.cutter().push(b"{}\n") == []:  # server-sent events, whose lines may end in three ways
            assert understood(model, b"\xef\xbb\xbf: hello\n\n" + data.replace(b"\n", line_end)) == whole
