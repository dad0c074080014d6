"""What everybody does who makes voices from recordings, over real sockets: the same list for all providers."""

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from functools import partial
from typing import Any

import pytest
from anyio import create_task_group, sleep
from speech_providers import SYNTHESIZERS, SpeechProvider, Wires, outcome, running, running_wires, say
from troupe.actors.contracts import CloneVoice, DeleteVoice, GetUsage, ListVoices, Synthesize
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    InvalidRequest,
    ModelNotFound,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from troupe.codecs.audio_writer import wav_header
from troupe.runtime import Ref
from troupe.services.wire import Cut, Fault, Late, Refuse, Replace, Reset, Stall
from troupe.services.wire.tone import tone

# `virtual` leaves out uvloop, which the tests of the plumbing under all this run on, too
pytestmark = [pytest.mark.real_time, pytest.mark.virtual]

RECORDING = wav_header(16_000, 1, 32_000) + bytes(range(250)) * 128
ANNA = CloneVoice(name="Anna", recordings=(RECORDING,))
Open = Callable[..., AbstractAsyncContextManager[Ref]]


@pytest.fixture(scope="module")
def wires() -> Iterator[Wires]:
    with running_wires() as running:
        yield running


@pytest.fixture(params=[one for one in SYNTHESIZERS if one.clones], ids=lambda provider: provider.name)
def provider(request: pytest.FixtureRequest) -> SpeechProvider:
    return request.param


@pytest.fixture
def wire(provider: SpeechProvider, wires: Wires) -> Any:
    return wires.fresh(provider.wire)


@pytest.fixture
def opened(provider: SpeechProvider, wire: Any) -> Open:
    return partial(running, provider, wire.url)


async def test_a_voice_is_made_speaks_and_is_deleted(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    async with opened() as ref:
        before = await ref.ask(ListVoices())
        voice = await ref.ask(CloneVoice(name="Anna Ö", recordings=(RECORDING,), description="calm", language="de"))
        assert voice.name == "Anna Ö"
        assert RECORDING in wire.last(provider.clones).body
        assert {one.id for one in await ref.ask(ListVoices())} == {*(one.id for one in before), voice.id}
        speeches = await say(ref, "Hello.", request=Synthesize(voice=voice.id))
        assert tone("Hello.", voice.id, 24_000).startswith(b"".join(speech.pcm for speech in speeches)[:4000])
        await ref.ask(DeleteVoice(voice.id))
        assert await ref.ask(ListVoices()) == before
        with pytest.raises(ModelNotFound):
            await ref.ask(DeleteVoice(voice.id))
        with pytest.raises(ModelNotFound):
            await say(ref, "Hello.", request=Synthesize(voice=voice.id))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"recordings": ()}, "0 recordings"),
        ({"recordings": (RECORDING,) * 30}, "30 recordings"),
        ({"recordings": (b"private words",)}, "recording 0 is none of"),
        ({"recordings": (b"#EXTM3U private",)}, "recording 0 is none of"),
        ({"recordings": (RECORDING + bytes(11 * 2**20),)}, "more than"),
        ({"name": " "}, "name"),
    ],
)
async def test_what_makes_no_sense_is_refused_without_asking(
    provider: SpeechProvider, wire: Any, opened: Open, change: dict[str, Any], reason: str
) -> None:
    async with opened() as ref:
        with pytest.raises(InvalidRequest, match=reason) as caught:
            await ref.ask(CloneVoice(**{"name": "Anna", "recordings": (RECORDING,)} | change))
    assert "private" not in str(caught.value)
    assert wire.exchanges == []


FAULTS: list[tuple[Fault, type[ProviderError]]] = [
    (Refuse(401), AuthenticationFailed),
    (Refuse(429, retry_after=0), RateLimited),
    (Refuse(503), ProviderUnavailable),
    (Replace(), BrokenStream),
    (Replace(b"{}"), BrokenStream),
    (Reset(9), BrokenStream),
    (Cut(9), BrokenStream),
]


async def test_what_goes_wrong_goes_wrong_once(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    """There must not be two voices because the answer to the first request got lost."""
    async with opened() as ref:
        for number, (fault, error) in enumerate(FAULTS):
            wire.fail(provider.clones, fault)
            with pytest.raises(error):
                await ref.ask(CloneVoice(name=f"Anna {number}", recordings=(RECORDING,)))
            assert len([one for one in wire.exchanges if one.method == "POST"]) == number + 1


@pytest.mark.parametrize("fault", [Late(), Stall(0)], ids=["late", "stalled"])
async def test_who_falls_silent_is_given_up(provider: SpeechProvider, wire: Any, opened: Open, fault: Fault) -> None:
    wire.fail(provider.clones, fault)
    async with opened(first=0.1, between=0.1) as ref:
        with pytest.raises(ProviderTimeout):
            await ref.ask(ANNA)


async def test_leaving_reaches_the_provider(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    wire.fail(provider.clones, Late())
    async with opened() as ref, create_task_group() as tasks:
        tasks.start_soon(ref.ask, ANNA)
        while not wire.exchanges:
            await sleep(0.002)
        tasks.cancel_scope.cancel()
    assert await outcome(wire.last(provider.clones)) == "left"


async def test_it_is_no_speech(provider: SpeechProvider, wire: Any, opened: Open) -> None:
    async with opened() as ref:
        await ref.ask(ANNA)
        usage = await ref.ask(GetUsage())
    assert (usage.characters, usage.seconds) == (0, 0)
