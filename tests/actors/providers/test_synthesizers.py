"""What every synthesizer does, over real sockets: the same list of behaviours for all providers."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, suppress
from functools import partial
from typing import Any

import pytest
from anyio import create_task_group, fail_after, sleep
from speech_providers import KEY, SYNTHESIZERS, SpeechProvider, Wires, outcome, running, running_wires, say
from troupe.actors.contracts import GetAccounts, GetUsage, ListModels, ListVoices, Say, Speech, Synthesize
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    InvalidRequest,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
)
from troupe.runtime import Ref
from troupe.runtime.errors import ChannelBroken
from troupe.services.wire import Close, Cut, Drip, End, Fault, Insert, Late, Refuse, Replace, Reset, Stall

# `virtual` leaves out uvloop, which the tests of the plumbing under all this run on, too
pytestmark = [pytest.mark.real_time, pytest.mark.virtual]

TEXTS = ("Hello there.", "How are you?", "Fine.")
Open = Callable[..., AbstractAsyncContextManager[Ref]]


@pytest.fixture(scope="module")
def wires() -> Iterator[Wires]:
    with running_wires() as running:
        yield running


@pytest.fixture(params=SYNTHESIZERS, ids=lambda provider: provider.name)
def provider(request: pytest.FixtureRequest) -> SpeechProvider:
    return request.param


@pytest.fixture
def wire(provider: SpeechProvider, wires: Wires) -> Any:
    return wires.fresh(provider.wire)


@pytest.fixture
def opened(provider: SpeechProvider, wire: Any) -> Open:
    return partial(running, provider, wire.url)


def pieces(speeches: list[Speech]) -> list[bytes]:
    """The audio of each piece; they follow one another, each has an end, and all samples are whole."""
    result: list[bytes] = []
    for number in range(speeches[-1].piece + 1):
        *inner, last = [speech for speech in speeches if speech.piece == number]
        assert last.last
        assert not any(speech.last for speech in inner)
        result.append(b"".join(speech.pcm for speech in (*inner, last)))
    assert [speech.piece for speech in speeches] == sorted(speech.piece for speech in speeches)
    assert all(len(speech.pcm) % 2 == 0 for speech in speeches)
    assert len({speech.rate for speech in speeches}) == 1
    return result


@pytest.mark.parametrize("drip", [(), (Drip(37),)], ids=["whole", "drops"])
async def test_pieces_are_spoken_in_order(
    provider: SpeechProvider, wire: Any, opened: Open, drip: tuple[Fault, ...]
) -> None:
    for _ in TEXTS:
        wire.fail(provider.path, *drip)
    async with opened() as ref:
        speeches = await say(ref, *TEXTS)
        usage = await ref.ask(GetUsage())
        (account,) = [each for each in await ref.ask(GetAccounts()) if each.usage.calls]
    assert account.model
    assert account.usage == usage
    assert account.connects.count >= 1
    assert pieces(speeches) == [provider.spoken(text) for text in TEXTS]
    assert (usage.failures, usage.characters) == (0, sum(map(len, TEXTS)))
    assert usage.seconds == pytest.approx(sum(len(speech.pcm) for speech in speeches) / 2 / speeches[0].rate)
    assert KEY in str(wire.last(provider.path).headers.values())


async def test_words_have_times(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    if not provider.word_times:
        pytest.skip("it tells no times")
    text = "Grüße, dear 世界! Fine."
    async with opened() as ref:
        speeches = await say(ref, text, "Again.")
    words = [word for speech in speeches if speech.piece == 0 for word in speech.words]
    assert " ".join(word.text for word in words) == text
    times = [time for word in words for time in (word.start, word.end)]
    assert times == sorted(times)
    seconds = sum(len(speech.pcm) for speech in speeches if speech.piece == 0) / 2 / speeches[0].rate
    assert words[0].start < 0.2
    assert seconds - 0.3 < words[-1].end <= seconds + 0.01
    assert [word.text for speech in speeches if speech.piece == 1 for word in speech.words] == ["Again."]
    assert next(word.start for speech in speeches if speech.piece == 1 for word in speech.words) < 0.2


async def test_audio_comes_before_the_text_is_complete(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    async with opened() as ref, ref.open(Synthesize()) as voice:
        await voice.send(Say("First."))
        with fail_after(2):
            got = [await voice.receive()]
            while not got[-1].last:
                got.append(await voice.receive())
        await voice.send(Say("Second."))
        voice.finish()
        got += [speech async for speech in voice]
    assert pieces(got) == [provider.spoken("First."), provider.spoken("Second.")]


async def test_a_text_without_letters_is_silent_and_costs_nothing(
    provider: SpeechProvider, wire: Any, opened: Open
) -> None:
    async with opened() as ref:
        assert pieces(await say(ref, "…", "Hello.", " ", "!")) == [b"", provider.spoken("Hello."), b"", b""]
        assert await say(ref) == []
        assert (await ref.ask(GetUsage())).characters == len("Hello.")


async def test_many_at_the_same_time(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    async def one(text: str) -> None:
        assert pieces(await say(ref, text, text)) == [provider.spoken(text)] * 2

    async with opened() as ref, create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(one, f"number {number}")


async def test_a_listener_that_waits_holds_the_provider_back_and_is_not_late(
    provider: SpeechProvider, wire: Any, opened: Open
) -> None:
    if not provider.streams and provider.name != "elevenlabs-http":
        pytest.skip("its audio comes over HTTP as it does from OpenAI, which is tested there")
    text = provider.long
    async with opened(between=0.3, total=5) as ref, ref.open(Synthesize(), buffer=2) as voice:
        await voice.send(Say(text))
        voice.finish()
        first = await voice.receive()
        with fail_after(3):
            before = -1
            while wire.last(provider.path).sent != before:
                before = wire.last(provider.path).sent
                await sleep(0.03)
        assert wire.last(provider.path).outcome == "under way"
        assert before < len(provider.spoken(text))
        await sleep(0.35)
        rest = [speech async for speech in voice]
    assert pieces([first, *rest]) == [provider.spoken(text)]


async def test_what_nobody_knows_is_ignored(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    if provider.unknown is None:
        pytest.skip("its answer has no parts")
    wire.fail(provider.path, Insert(0, provider.unknown), Insert(2, provider.unknown))
    async with opened() as ref:
        assert pieces(await say(ref, "Hello.")) == [provider.spoken("Hello.")]


FAULTS: list[tuple[Fault, type[ProviderError]]] = [
    (Refuse(401), AuthenticationFailed),
    (Refuse(402), QuotaExceeded),
    (Refuse(403), AuthenticationFailed),
    (Refuse(429, retry_after=77), RateLimited),
    (Refuse(404, html=True), ProviderError),
    (Replace(), BrokenStream),
    (Reset(1000), BrokenStream),
    (Cut(1000), BrokenStream),
]


async def test_what_goes_wrong(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    faults = FAULTS
    if provider.streams:  # raw audio over HTTP that ends early looks like a short answer
        faults = [*faults, (End(1000), BrokenStream), (Replace(b"<html>502</html>"), BrokenStream)]
    else:
        faults = [*faults, (Replace(b"<html>502</html>", "text/html"), BrokenStream)]
    async with opened() as ref:
        for number, (fault, error) in enumerate(faults):
            wire.fail(provider.path, fault)
            with pytest.raises(error) as caught:
                assert not await say(ref, "Hello there."), f"{fault} was taken for a good answer"
            await check_error(caught.value, provider, ref, fault, number + 1)


@pytest.mark.parametrize("fault", [Late(), Stall(1)], ids=["late", "stalled"])
async def test_who_falls_silent_is_given_up(provider: SpeechProvider, wire: Any, opened: Open, fault: Fault) -> None:
    wire.fail(provider.path, fault)
    async with opened(first=0.1, between=0.1) as ref:
        with pytest.raises(ProviderTimeout):
            await say(ref, "Hello there.")
        assert (await ref.ask(GetUsage())).failures == 1


async def check_error(error: ProviderError, provider: SpeechProvider, ref: Ref, fault: Fault, failures: int) -> None:
    """It says enough and not too much, and the actor lives on."""
    assert error.provider == provider.name.partition("-")[0].replace("_", "-")
    assert error.retry_after == (fault.retry_after if isinstance(fault, Refuse) else None)
    assert "private" not in f"{error} {error.details}"
    assert KEY not in f"{error} {error.details}"
    assert pieces(await say(ref, "Hello.")) == [provider.spoken("Hello.")]
    assert (await ref.ask(GetUsage())).failures == failures


async def test_what_goes_wrong_in_the_middle(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    if provider.complaint is None:
        pytest.skip("its answer has no parts")
    event = b"data: %b\n\n" if provider.complaint.startswith(b"data:") else b"%b"
    faults: list[tuple[Fault, type[ProviderError]]] = [
        (Insert(1, provider.complaint), provider.complains),
        (Insert(1, event % b'{"broken'), BrokenStream),
        (Insert(1, event % b"\xff\xfe"), BrokenStream),
    ]
    if provider.streams:
        faults += [(Close(1, 1011), ProviderUnavailable), (Close(1, 1008, "private: quota_exceeded"), QuotaExceeded)]
    async with opened() as ref:
        for number, (fault, error) in enumerate(faults):
            wire.fail(provider.path, fault)
            with pytest.raises(error) as caught:
                await say(ref, "Hello.")
            await check_error(caught.value, provider, ref, fault, number + 1)


async def test_what_was_spoken_before_a_break_is_right(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    async with opened() as ref:
        for at in range(0, 30_000, 2963):
            wire.fail(provider.path, Reset(at))
            got: list[Speech] = []
            async with ref.open(Synthesize()) as voice:
                with suppress(BrokenStream):
                    await voice.send(Say("Hello there."))
                    with suppress(ChannelBroken):
                        voice.finish()
                    async for speech in voice:
                        got.append(speech)
            assert provider.spoken("Hello there.").startswith(b"".join(speech.pcm for speech in got))


async def test_a_provider_that_recovers_is_asked_again(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    wire.fail(provider.path, Refuse(502, html=True))
    async with opened() as ref:
        assert pieces(await say(ref, "Hello.")) == [provider.spoken("Hello.")]
        assert (await ref.ask(GetUsage())).failures == 0
    assert len(wire.exchanges) == 2


async def test_leaving_reaches_the_provider(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    wire.fail(provider.path, Stall(2))
    async with opened() as ref:
        async with ref.open(Synthesize()) as voice:
            await voice.send(Say("Hello there."))
            with fail_after(2):
                await voice.receive()
        assert await outcome(wire.last(provider.path)) == "left"
        assert (await ref.ask(GetUsage())).failures == 0  # nobody failed


async def test_a_speed_out_of_range_is_refused_without_asking(
    provider: SpeechProvider, wire: Any, opened: Open
) -> None:
    async with opened() as ref:
        with pytest.raises(InvalidRequest, match="speed"):
            await say(ref, "Hello", request=Synthesize(speed=9))
    assert wire.exchanges == []


async def test_voices_and_models(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    async with opened() as ref:
        assert all(voice.id and voice.name for voice in await ref.ask(ListVoices()))
        assert await ref.ask(ListVoices()) or provider.clones, "a library may be empty at first"
        assert bool(await ref.ask(ListModels())) == provider.models
        wire.fail(wire.exchanges[-1].path, Refuse(401))
        with pytest.raises(AuthenticationFailed):
            await ref.ask(ListModels())
