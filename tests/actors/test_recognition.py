"""One utterance over a socket: pauses don't end it, and a provider that has gone in one is noticed."""

from collections.abc import Iterator

import pytest
from anyio import sleep
from speech_providers import RECOGNISERS, running
from troupe.actors import recognition
from troupe.actors.contracts import Transcribe
from troupe.actors.errors import ProviderTimeout
from troupe.services.wire import Deaf
from troupe.services.wire.deepgram import DeepgramWire

pytestmark = pytest.mark.real_time

DEEPGRAM = next(provider for provider in RECOGNISERS if provider.name == "deepgram")
SECOND = bytes(32_000)


@pytest.fixture(scope="module")
def impatient() -> Iterator[DeepgramWire]:
    with DeepgramWire(patience=0.15) as wire:
        yield wire


async def test_a_pause_is_no_end(impatient: DeepgramWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition, "PAUSE", 0.03)
    impatient.reset()
    async with running(DEEPGRAM, impatient.url) as ref, ref.open(Transcribe()) as recogniser:
        await recogniser.send(SECOND)
        await sleep(0.4)
        await recogniser.send(SECOND)
        recogniser.finish()
        final = [transcript async for transcript in recogniser][-1]
    assert final.text == "one two three four five six"
    kinds = [message["type"] for message in impatient.last(DEEPGRAM.path).texts()]
    assert kinds[0] == "KeepAlive"
    assert kinds[-1] == "CloseStream"


async def test_a_provider_that_has_gone_is_noticed_in_a_pause(
    impatient: DeepgramWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recognition, "PAUSE", 0.03)
    impatient.reset()
    impatient.fail(DEEPGRAM.path, Deaf(1))  # and so it answers no pings either
    async with running(DEEPGRAM, impatient.url) as ref, ref.open(Transcribe()) as recogniser:
        await recogniser.send(SECOND)
        with pytest.raises(ProviderTimeout, match="ping"):
            async for _ in recogniser:
                pass
