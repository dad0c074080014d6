"""What every recogniser does, over real sockets: the same list of behaviours for all providers."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any

import pytest
from anyio import create_task_group, fail_after, sleep
from speech_providers import KEY, RECOGNISERS, SpeechProvider, Wires, hear, outcome, running, running_wires
from troupe.actors.contracts import GetUsage, ListModels, Transcribe
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
)
from troupe.runtime import Ref
from troupe.runtime.errors import ChannelBroken
from troupe.services.wire import Close, Cut, Deaf, Drip, End, Fault, Insert, Late, Refuse, Replace, Reset, Stall

# `virtual` leaves out uvloop, which the tests of the plumbing under all this run on, too
pytestmark = [pytest.mark.real_time, pytest.mark.virtual]

SECOND = bytes(range(256)) * 125
Open = Callable[..., AbstractAsyncContextManager[Ref]]


@pytest.fixture(scope="module")
def wires() -> Iterator[Wires]:
    with running_wires() as running:
        yield running


@pytest.fixture(params=RECOGNISERS, ids=lambda provider: provider.name)
def provider(request: pytest.FixtureRequest) -> SpeechProvider:
    return request.param


@pytest.fixture
def wire(provider: SpeechProvider, wires: Wires) -> Any:
    return wires.fresh(provider.wire)


@pytest.fixture
def opened(provider: SpeechProvider, wire: Any) -> Open:
    return partial(running, provider, wire.url)


def streamed(provider: SpeechProvider) -> None:
    if not provider.streams:
        pytest.skip("hears recordings only")


@pytest.mark.parametrize("drip", [(), (Drip(1),)], ids=["whole", "bytes"])
async def test_an_utterance_is_written_down(
    provider: SpeechProvider, wire: Any, opened: Open, drip: tuple[Fault, ...]
) -> None:
    wire.hear("Grüße, dear 世界! 🎭 Fine.")
    wire.fail(provider.path, *drip)
    async with opened() as ref:
        *partial_ones, final = await hear(ref, SECOND, SECOND)
        usage = await ref.ask(GetUsage())
    assert final.final
    assert final.text == "Grüße, dear 世界! 🎭 Fine."
    assert not any(transcript.final for transcript in partial_ones)
    assert (usage.calls, usage.failures, usage.seconds) == (1, 0, 2)
    assert KEY in str(wire.last(provider.path).headers.values())
    if provider.word_times:
        times = [time for word in final.words for time in (word.start, word.end)]
        assert times == sorted(times)
        assert times
        assert [word.text for word in final.words][:2] == ["Grüße", "dear"]


async def test_all_of_the_audio_is_heard_however_it_is_cut(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    pcm = SECOND * 7
    pieces = [pcm[start : start + 4801] for start in range(0, len(pcm), 4801)]  # half samples at every seam
    async with opened() as ref:
        final = (await hear(ref, b"", *pieces))[-1]
    exchange = wire.last(provider.path)
    assert pcm in provider.audio(exchange)
    assert all(len(message) % 2 == 0 for message in exchange.messages if isinstance(message, bytes))
    assert final.text.split()[0] in {"one", "7.00"}  # numbers, or how long it was
    if final.text.startswith("one"):
        assert len(final.text.split()) == 7 / 0.3 // 1
    if provider.word_times:
        assert 7 - 0.3 < final.words[-1].end <= 7


async def test_text_comes_while_somebody_speaks(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    streamed(provider)
    async with opened() as ref, ref.open(Transcribe()) as recogniser:
        await recogniser.send(SECOND)
        with fail_after(2):
            first = await recogniser.receive()
        assert (first.text, first.final) == ("one two three", False)
        await recogniser.send(SECOND)
        with fail_after(2):
            second = await recogniser.receive()
        assert second.text.startswith("one two three four")  # all of the utterance
        recogniser.finish()
        assert [transcript.final async for transcript in recogniser][-1]


async def test_other_rates_languages_and_models(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    async with opened() as ref:
        final = (await hear(ref, bytes(16_000), bytes(8000), request=Transcribe(rate=8000, language="de")))[-1]
        assert final.text in {"one two three four five", "1.50 seconds of audio"}
        assert (await ref.ask(GetUsage())).seconds == 1.5
    exchange = wire.last(provider.path)
    assert "de" in str(exchange.query) + exchange.body.decode("latin-1")


@pytest.mark.parametrize("audio", [(), (b"",), (b"\x01",)])
async def test_silence_before_a_word_costs_nothing(
    provider: SpeechProvider, wire: Any, opened: Open, audio: tuple[bytes, ...]
) -> None:
    async with opened() as ref:
        assert [(one.text, one.final) for one in await hear(ref, *audio)] == [("", True)]
    assert wire.exchanges == []


async def test_many_at_the_same_time(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    finals: list[str] = []

    async def one() -> None:
        finals.append((await hear(ref, SECOND, SECOND))[-1].text)

    async with opened() as ref, create_task_group() as tasks:
        for _ in range(12):
            tasks.start_soon(one)
    assert len(finals) == 12
    assert len(set(finals)) == 1


async def test_what_nobody_knows_is_ignored(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    if provider.unknown is None:
        pytest.skip("its answer has no parts")
    wire.hear("all is well")
    wire.fail(provider.path, Insert(0, provider.unknown), Insert(1, provider.unknown))
    async with opened() as ref:
        assert (await hear(ref, SECOND))[-1].text == "all is well"


FAULTS: list[tuple[Fault, type[ProviderError]]] = [
    (Refuse(401), AuthenticationFailed),
    (Refuse(402), QuotaExceeded),
    (Refuse(403), AuthenticationFailed),
    (Refuse(429, retry_after=77), RateLimited),
    (Refuse(404, html=True), ProviderError),
    (Replace(), BrokenStream),
    (Replace(b"{}"), BrokenStream),
    (Replace(b"<html>502</html>"), BrokenStream),
    (Reset(30), BrokenStream),
    (Cut(30), BrokenStream),
    (End(30), BrokenStream),
]


async def test_what_goes_wrong(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    async with opened() as ref:
        for number, (fault, error) in enumerate(FAULTS):
            wire.fail(provider.path, fault)
            with pytest.raises(error) as caught:
                assert not await hear(ref, SECOND), f"{fault} was taken for a good answer"
            await check_error(caught.value, provider, ref, fault, number + 1)


@pytest.mark.parametrize("fault", [Late(), Stall(0)], ids=["late", "stalled"])
async def test_who_falls_silent_is_given_up(provider: SpeechProvider, wire: Any, opened: Open, fault: Fault) -> None:
    wire.fail(provider.path, fault)
    async with opened(first=0.1, between=0.1) as ref:
        with pytest.raises(ProviderTimeout):
            await hear(ref, SECOND)
        assert (await ref.ask(GetUsage())).failures == 1


async def check_error(error: ProviderError, provider: SpeechProvider, ref: Ref, fault: Fault, failures: int) -> None:
    """It says enough and not too much, and the actor lives on."""
    assert error.provider == provider.name.partition("-")[0].replace("_", "-")
    assert error.retry_after == (fault.retry_after if isinstance(fault, Refuse) else None)
    assert "private" not in f"{error} {error.details}"
    assert KEY not in f"{error} {error.details}"
    assert (await hear(ref, SECOND))[-1].final
    assert (await ref.ask(GetUsage())).failures == failures


async def test_what_goes_wrong_in_the_middle(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    if provider.complaint is None:
        pytest.skip("its answer has no parts")
    faults: list[tuple[Fault, type[ProviderError]]] = [
        (Insert(1, provider.complaint), provider.complains),
        (Insert(1, b'data: {"broken\n\n'), BrokenStream),
        (Insert(1, b"data: \xff\xfe\n\n"), BrokenStream),
    ]
    if provider.streams:
        faults += [(Close(1, 1011), ProviderUnavailable), (Close(1, 1008, "private: quota_exceeded"), QuotaExceeded)]
    async with opened() as ref:
        for number, (fault, error) in enumerate(faults):
            wire.fail(provider.path, fault)
            with pytest.raises(error) as caught:
                await hear(ref, SECOND)
            await check_error(caught.value, provider, ref, fault, number + 1)


async def test_a_provider_that_does_not_listen_holds_the_caller_back_and_fails(
    provider: SpeechProvider, wire: Any, opened: Open
) -> None:
    streamed(provider)
    wire.fail(provider.path, Deaf(1))
    async with opened(between=0.2) as ref:
        sent = 0
        async with ref.open(Transcribe(), buffer=2) as recogniser:
            with suppress(ChannelBroken):
                while sent < 64:
                    await recogniser.send(bytes(2**20))
                    sent += 1
            with pytest.raises(ProviderTimeout):
                async for _ in recogniser:
                    pass
    assert sent < 64


async def test_a_provider_that_recovers_is_asked_again(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    wire.fail(provider.path, Refuse(502, html=True))
    async with opened() as ref:
        assert (await hear(ref, SECOND))[-1].final
        assert (await ref.ask(GetUsage())).failures == 0
    assert len(wire.exchanges) == 2


async def test_leaving_reaches_the_provider(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    wire.fail(provider.path, Stall(0))
    async with opened() as ref:
        async with ref.open(Transcribe()) as recogniser:
            await recogniser.send(SECOND)
            if not provider.streams:
                recogniser.finish()
            with fail_after(2):
                while not wire.exchanges:
                    await sleep(0.002)
        assert await outcome(wire.last(provider.path)) == "left"
        assert (await ref.ask(GetUsage())).failures == 0  # nobody failed


async def test_models(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    async with opened() as ref:
        assert bool(await ref.ask(ListModels())) == provider.models
        wire.fail(wire.exchanges[-1].path, Refuse(401))
        with pytest.raises(AuthenticationFailed):
            await ref.ask(ListModels())
