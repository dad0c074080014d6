"""Text becomes speech and speech becomes text, whatever form either has."""

import io
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openings import Opening
from troupe.actors.contracts import GetAccounts, Speech, Word
from troupe.actors.errors import InvalidRequest, ProviderError
from troupe.codecs.asset import load
from troupe.codecs.decode import read_audio
from troupe.codecs.errors import RoleError
from troupe.codecs.pcm import Pcm
from troupe.services.config import Config
from troupe.services.kinds.elevenlabs import Table
from troupe.services.models import SpeechToText, Spoken, TextToSpeech, open_model
from troupe.services.models.playable import Playable
from troupe.services.models.spoken import joined
from troupe.services.wire import Refuse
from troupe.services.wire.elevenlabs import ElevenLabsWire
from troupe.services.wire.openai import OpenAiWire

pytestmark = pytest.mark.real_time

SPEECH, TRANSCRIPTIONS = "/v1/audio/speech", "/v1/audio/transcriptions"
SECOND = Pcm.from_mono(np.rint(9000 * np.sin(np.arange(24_000) / 9)).astype(np.int16), 24_000)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    path.write_bytes(Spoken(SECOND).encoded())
    return path


@pytest.fixture(scope="module")
def elevenlabs() -> Iterator[ElevenLabsWire]:
    with ElevenLabsWire() as wire:
        yield wire


async def test_a_text_is_spoken_piece_by_piece(wire: OpenAiWire, opening: Opening) -> None:
    async def written() -> AsyncGenerator[str]:
        for word in ("The first ", "sentence of it. ", "And the second ", "one, too. 🎉"):
            yield word

    async with opening() as models:
        voice = await models.model("mine/tts-1", TextToSpeech)
        spoken = await voice.transform(written(), voice="nova")
        asked = [exchange.json() for exchange in wire.exchanges if exchange.path == SPEECH]
        assert [request["input"] for request in asked] == ["The first sentence of it.", "And the second one, too."]
        assert {request["voice"] for request in asked} == {"nova"}
        assert (
            await voice.transform(["The first sentence of it. ", "And the second one, too."])
        ).seconds == spoken.seconds
        assert spoken.audio.channels == 1
        assert read_audio(spoken.asset("flac"), rate=None).frames == spoken.audio.frames
        with pytest.raises(InvalidRequest, match="nothing in the text"):
            await voice.transform("🎉")
        wire.fail(SPEECH, Refuse(401))
        with pytest.raises(ProviderError):
            await voice.transform("Nobody hears this.")


async def test_words_have_their_times_in_the_whole(elevenlabs: ElevenLabsWire) -> None:
    text = "The first sentence of it. And the second one, too."
    config = Config(providers={"elevenlabs": Table(base_url=elevenlabs.url)})
    async with open_model("elevenlabs/eleven_flash_v2_5", TextToSpeech, config=config, environ={}) as voice:
        spoken = await voice.transform(text)
    assert [word.text for word in spoken.words] == [
        "The",
        "first",
        "sentence",
        "of",
        "it.",
        "And",
        "the",
        "second",
        "one,",
        "too.",
    ]
    starts = [word.start for word in spoken.words]
    assert starts == sorted(starts)
    assert spoken.words[-1].end <= spoken.seconds


async def test_in_the_voice_of_a_recording(elevenlabs: ElevenLabsWire, recording: Path) -> None:
    elevenlabs.reset()
    config = Config(providers={"elevenlabs": Table(base_url=elevenlabs.url)})

    def requests(path: str) -> list[str]:
        return [f"{one.method} {one.path}" for one in elevenlabs.exchanges if one.path.startswith(path)]

    async with open_model("elevenlabs", TextToSpeech, config=config, environ={}) as voice:
        before = {each.id for each in await voice.voices()}
        said = await voice.transform("This is what I said.", recording)
        (made,) = {each.id for each in await voice.voices()} - before
        again = await voice.transform("This is what I said.", Spoken(SECOND))  # the same recording
        assert said.seconds == again.seconds
        assert len(requests("/v1/voices/add")) == 1
        assert len(requests(f"/v1/text-to-speech/{made}")) == 2
        assert b"RIFF" in elevenlabs.last("/v1/voices/add").body
    assert requests("/v1/voices/")[-1] == f"DELETE /v1/voices/{made}"


async def test_who_can_not_speak_in_the_voice_of_a_recording_says_so(opening: Opening) -> None:
    async with opening() as models:
        voice = await models.model("mine/tts-1", TextToSpeech)
        with pytest.raises(InvalidRequest, match="it makes no voices from recordings"):
            await voice.transform("Hi.", SECOND)


@pytest.mark.parametrize("form", ["asset", "spoken", "pcm", "bytes", "path", "file"])
async def test_all_that_plays_speech_is_heard(wire: OpenAiWire, opening: Opening, recording: Path, form: str) -> None:
    wav = Spoken(SECOND).encoded()
    forms: dict[str, Playable] = {
        "asset": load(Spoken(SECOND).encoded("mp3")),
        "spoken": Spoken(SECOND),
        "pcm": SECOND,
        "bytes": wav,
        "path": recording,
        "file": io.BytesIO(wav),
    }
    wire.hear("One two.")
    async with opening() as models:
        ear = await models.model("mine/whisper-1", SpeechToText)
        async with ear.stream(forms[form], language="en") as transcripts:
            heard = [transcript async for transcript in transcripts]
        assert (heard[-1].text, heard[-1].final) == ("One two.", True)
        assert (await ear.usage()).seconds == pytest.approx(1, abs=0.06)


async def test_what_has_no_sound_is_told_before_anybody_is_asked(wire: OpenAiWire, opening: Opening) -> None:
    async with opening() as models:
        ear = await models.model("mine/whisper-1", SpeechToText)
        with pytest.raises(RoleError, match="the role speech needs an audio stream"):
            await ear.transform(b"It is only a text.")
        with pytest.raises(FileNotFoundError):
            await ear.transform("nowhere.mp3")
        assert wire.exchanges == []
        wire.fail(TRANSCRIPTIONS, Refuse(401))
        with pytest.raises(ProviderError):
            await ear.transform(SECOND)


@given(
    st.lists(st.lists(st.integers(0, 50), min_size=1, max_size=4), min_size=1, max_size=5),
    st.sampled_from([8000, 24_000]),
)
def test_pieces_are_joined_and_their_words_moved(pieces: list[list[int]], rate: int) -> None:
    speeches, expected, position = [], [], 0
    for number, chunks in enumerate(pieces):
        began = position / rate
        for place, samples in enumerate(chunks):
            word = Word(f"{number}-{place}", 0.25, 0.5)
            speeches.append(Speech(number, bytes(2 * samples), rate, (word,)))
            expected.append(began + 0.25)
            position += samples
        speeches.append(Speech(number, b"", rate, last=True))
    spoken = joined(speeches)
    assert spoken.audio.frames == position
    assert [word.start for word in spoken.words] == pytest.approx(expected)


async def test_what_engines_on_this_machine_did_is_counted_too() -> None:
    async with open_model("espeak", TextToSpeech) as voice:
        spoken = await voice.transform("Hello there.")
        used = await voice.usage()
        (account,) = await voice.ref.ask(GetAccounts())  # out of the process that the engine is in
    assert used.characters == len("Hello there.")
    assert used.seconds == pytest.approx(spoken.seconds)
    assert (account.model, account.usage) == ("espeak", used)
    async with open_model("pocketsphinx", SpeechToText) as ear:
        await ear.transform(spoken)
        assert (await ear.usage()).seconds == pytest.approx(spoken.seconds, abs=0.01)
