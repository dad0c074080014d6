"""Speech providers whose WebSockets break at any byte, behind a router: nothing is lost, nothing is heard twice."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from speech_providers import RECOGNISERS, SYNTHESIZERS, SpeechProvider, Wires, hear, running_wires, say
from troupe.actors.http import Deadlines, HttpClient
from troupe.actors.routing import (
    FallbackRecogniser,
    FallbackSynthesizer,
    Provider,
    RecogniserPatience,
    SynthesizerPatience,
)
from troupe.runtime import Actor, Ref, child, open_system
from troupe.services.wire import Cut, Fault, Reset
from understudies import NEVER_OPEN

pytestmark = [pytest.mark.real_time, pytest.mark.virtual]  # without uvloop: its sockets are tested elsewhere

SECOND = bytes(range(256)) * 125
TEXT = "Hello there, this is the first sentence, and nobody says it twice."
CUTS = 13
"""Places at which each kind of fault is tried."""


@pytest.fixture(scope="module")
def wires() -> Iterator[Wires]:
    with running_wires() as running:
        for provider in (*RECOGNISERS, *SYNTHESIZERS):
            running.fresh(provider.wire)  # starting one blocks
        yield running


def chosen(providers: Sequence[SpeechProvider], *names: str) -> list[SpeechProvider]:
    known = {provider.name: provider for provider in providers}
    return [known[name] for name in names]


@asynccontextmanager
async def chain(
    wires: Wires, router: type[Actor], patience: Any, providers: list[SpeechProvider]
) -> AsyncGenerator[Ref]:
    async with HttpClient.open() as http:
        actors = [
            replace(provider.actor(http, wires.fresh(provider.wire).url, Deadlines()), name=provider.name)
            for provider in providers
        ]
        names = [Provider(provider.name) for provider in providers]
        async with open_system(*actors, child(router, names, patience, NEVER_OPEN, name="router")) as system:
            yield system.ref("router")


@pytest.mark.parametrize("names", [("deepgram", "elevenlabs"), ("cartesia", "deepgram"), ("elevenlabs", "cartesia")])
@pytest.mark.parametrize("kind", [Reset, Cut])
async def test_the_transcript_is_whole_at_whatever_byte_the_connection_breaks(
    wires: Wires, kind: type[Fault], names: tuple[str, str]
) -> None:
    providers = chosen(RECOGNISERS, *names)
    async with chain(wires, FallbackRecogniser, RecogniserPatience(), providers) as router:
        audio = [SECOND] * 4
        whole = (await hear(router, *audio))[-1].text
        wire = wires.fresh(providers[0].wire)
        await hear(router, *audio)
        size = wire.last(providers[0].path).sent
        for number in range(CUTS):
            wire.fail(providers[0].path, kind(size * number // CUTS))
            *partial_ones, final = await hear(router, *audio)
            assert final.final
            assert final.text == whole, (number, size)
            assert not any(transcript.final for transcript in partial_ones)
        assert len(final.words) == len(whole.split()) == 13


@pytest.mark.parametrize("names", [("elevenlabs", "cartesia"), ("cartesia", "elevenlabs-http")])
async def test_every_word_is_spoken_once_at_whatever_byte_the_connection_breaks(
    wires: Wires, names: tuple[str, str]
) -> None:
    providers = chosen(SYNTHESIZERS, *names)
    async with chain(wires, FallbackSynthesizer, SynthesizerPatience(), providers) as router:
        await say(router, TEXT)
        wire = wires.fresh(providers[0].wire)
        await say(router, TEXT)
        size = wire.last(providers[0].path).sent
        for number in range(CUTS):
            wire.fail(providers[0].path, Reset(size * number // CUTS))
            speeches = await say(router, TEXT, "Fine.")
            words = [word.text for speech in speeches for word in speech.words]
            assert words == [*TEXT.split(), "Fine."], (number, size)
            assert [speech.piece for speech in speeches if speech.last] == [0, 1]
