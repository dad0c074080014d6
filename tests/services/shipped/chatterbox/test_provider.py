"""The actor of Chatterbox servers talks to this one, over a socket."""

import numpy as np
import pytest
from espeak_voice import pitch
from shipped import wav
from speech_providers import say
from troupe.actors.contracts import CloneVoice, DeleteVoice, ListModels, ListVoices, Speech, Synthesize
from troupe.actors.errors import InvalidRequest, ModelNotFound
from troupe.actors.http import HttpClient
from troupe.actors.providers.chatterbox.endpoint import ChatterboxEndpoint
from troupe.actors.providers.chatterbox.speech import ChatterboxSpeech
from troupe.actors.providers.chatterbox.wire.speech import SpeechOptions
from troupe.runtime import child, open_system

pytestmark = [pytest.mark.real_time, pytest.mark.virtual]

RATE = 22_050
TEXTS = ("It is me.", "Who else would it be, at this time of the day?")


def hum(height: float) -> bytes:
    """A recording of somebody who hums."""
    times = np.arange(16_000) / 16_000
    tones = sum(np.sin(2 * np.pi * height * overtone * times) / overtone for overtone in range(1, 6))
    return wav(np.rint(6000 * tones).astype(np.int16), 16_000)


def height(speeches: list[Speech]) -> float:
    return pitch(np.frombuffer(b"".join(speech.pcm for speech in speeches), "<i2"), RATE)


async def test_it_speaks_in_a_voice_of_a_recording(chatterbox: str) -> None:
    at = ChatterboxEndpoint(base_url=f"{chatterbox}/v1")
    options = SpeechOptions(rate=RATE, exaggeration=0.7, streaming_chunk_size=50)
    async with HttpClient.open() as http, open_system(child(ChatterboxSpeech, http, at, options, name="x")) as system:
        ref = system.ref("x")
        assert await ref.ask(ListModels())
        high = await ref.ask(CloneVoice(name="High", recordings=(hum(250),), language="en"))
        low = await ref.ask(CloneVoice(name="Low", recordings=(hum(80),)))
        assert {voice.id for voice in await ref.ask(ListVoices())} >= {high.id, low.id}
        spoken = {
            voice.id: await say(ref, *TEXTS, request=Synthesize(voice=voice.id, language="en")) for voice in (high, low)
        }
        assert height(spoken["High"]) > height(spoken["Low"])
        assert [speech.piece for speech in spoken["Low"] if speech.last] == [0, 1]
        with pytest.raises(InvalidRequest):
            await ref.ask(CloneVoice(name="Low", recordings=(hum(80),)))
        with pytest.raises(InvalidRequest):
            await say(ref, "Hello.", request=Synthesize(speed=1.5))
        for voice in (high, low):
            await ref.ask(DeleteVoice(voice.id))
            with pytest.raises(ModelNotFound):
                await ref.ask(DeleteVoice(voice.id))
            with pytest.raises(ModelNotFound):
                await say(ref, "Hello.", request=Synthesize(voice=voice.id))
