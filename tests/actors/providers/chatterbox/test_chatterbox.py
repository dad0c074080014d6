"""What is Chatterbox's own; the rest is in the suites of synthesizers and of cloning."""

from typing import Any

import pytest
from speech_providers import SYNTHESIZERS, running, say
from troupe.actors.contracts import CloneVoice, ListModels, Synthesize
from troupe.actors.errors import BrokenStream, InvalidRequest, ProviderUnavailable, RequestTooLong
from troupe.actors.http import HttpClient
from troupe.actors.providers.chatterbox.endpoint import ChatterboxEndpoint
from troupe.actors.providers.chatterbox.speech import ChatterboxSpeech
from troupe.actors.providers.chatterbox.wire.speech import LONGEST, SpeechOptions, encode_speech
from troupe.codecs.audio_writer import wav_header
from troupe.runtime import child, open_system
from troupe.services.wire.chatterbox import ChatterboxWire
from wires import served

pytestmark = [pytest.mark.real_time, pytest.mark.virtual]

PROVIDER = next(provider for provider in SYNTHESIZERS if provider.name == "chatterbox")
RECORDING = wav_header(16_000, 1, 4) + bytes(4)


running_wire, wire = served(ChatterboxWire)


async def test_it_says_what_it_was_told_and_no_more(wire: ChatterboxWire) -> None:
    options = SpeechOptions(exaggeration=0.7, cfg_weight=0, streaming_chunk_size=50)
    at = ChatterboxEndpoint(base_url=wire.base_url)
    async with HttpClient.open() as http, open_system(child(ChatterboxSpeech, http, at, options, name="x")) as system:
        await say(system.ref("x"), "Hello.", request=Synthesize(speed=1.5, language="de"))
    assert wire.last("/v1/audio/speech").json() == {
        "model": "chatterbox-tts-1",
        "input": "Hello.",
        "stream_format": "sse",
        "exaggeration": 0.7,
        "cfg_weight": 0.0,
        "speed": 1.5,
        "language": "de",
        "streaming_chunk_size": 50,
    }


@pytest.mark.parametrize(
    "wrong",
    [{"exaggeration": 2.1}, {"cfg_weight": -0.1}, {"streaming_chunk_size": 10}, {"streaming_strategy": "letter"}],
)
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SpeechOptions(**wrong)


def test_a_text_that_the_server_would_break_off_at_is_not_sent() -> None:
    encode_speech("a" * LONGEST, SpeechOptions(), "x")
    with pytest.raises(RequestTooLong):
        encode_speech("a" * (LONGEST + 1), SpeechOptions(), "x")


async def test_a_server_without_its_model_is_not_ready_though_it_answers(wire: ChatterboxWire) -> None:
    wire.loaded = False
    async with running(PROVIDER, wire.url) as ref:
        with pytest.raises(ProviderUnavailable, match="initializing"):
            await ref.ask(ListModels())
        with pytest.raises(BrokenStream):  # with the status of a success
            await say(ref, "Hello.")
        wire.loaded = True
        assert [model.id for model in await ref.ask(ListModels())] == ["chatterbox-tts-1"]


async def test_audio_of_another_rate_is_no_speech(wire: ChatterboxWire) -> None:
    at = ChatterboxEndpoint(base_url=wire.base_url)
    options = SpeechOptions(rate=48_000)
    async with HttpClient.open() as http, open_system(child(ChatterboxSpeech, http, at, options, name="x")) as system:
        with pytest.raises(BrokenStream, match="24000 Hz"):
            await say(system.ref("x"), "Hello.")


async def test_a_name_can_be_given_once(wire: ChatterboxWire) -> None:
    anna = CloneVoice(name="Anna", recordings=(RECORDING,))
    async with running(PROVIDER, wire.url) as ref:
        await ref.ask(anna)
        with pytest.raises(InvalidRequest, match="voice_exists_error"):
            await ref.ask(anna)
        with pytest.raises(InvalidRequest, match="give 1 to 1"):
            await ref.ask(CloneVoice(name="Berta", recordings=(RECORDING, RECORDING)))
    assert len(wire.exchanges) == 2, "neither is asked for twice"
