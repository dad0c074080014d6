import wave
from pathlib import Path

import numpy as np
import pytest
from conversations import Script, conversation
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime import server_events as server
from troupe.codecs.audio_format import G711_ULAW
from troupe.codecs.pcm import Int16
from troupe.codecs.resample import Resampler
from troupe.codecs.silero import SileroModel
from troupe.codecs.vad import VadStream, step
from troupe.runtime.testing import run
from troupe.services.bench.speech import LONGEST, NoSpeech, cut, generated, load, recorded, save, vowels

RATE = 24_000


def sound(seconds: float, level: int = 8000) -> Int16:
    return np.random.default_rng(1).integers(-level, level, round(seconds * RATE), dtype=np.int16)


def silence(seconds: float) -> Int16:
    return sound(seconds, 20)


@pytest.mark.parametrize(
    ("parts", "seconds"),
    [
        ([silence(0.5), sound(1.0), silence(1.0)], [1.0]),
        ([sound(1.0), silence(0.1), sound(1.0)], [2.1]),  # no pause that ends a turn
        ([sound(1.0), silence(0.4), sound(0.5)], [1.0, 0.5]),
        ([sound(1.0), silence(0.4), sound(0.1)], [1.0]),  # a click
        ([sound(LONGEST + 5)], [LONGEST]),
        ([sound(1.0), sound(1.0, 1000)], [2.0]),  # softer, but no silence
        ([np.zeros(RATE, np.int16)], []),
        ([np.zeros(3, np.int16)], []),
    ],
)
def test_recordings_are_cut_where_they_are_silent(parts: list[Int16], seconds: list[float]) -> None:
    assert [round(len(piece) / RATE, 2) for piece in cut(np.concatenate(parts))] == seconds


def test_recordings_are_found_in_folders(tmp_path: Path) -> None:
    (tmp_path / "notes.md").write_text("no recording")
    (tmp_path / "inner").mkdir()
    for name in ("a.wav", "b.wav"):
        with wave.open(str(tmp_path / name), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(sound(0.5).tobytes())
    assert len(recorded([tmp_path])) == 2
    assert len(recorded([tmp_path / "a.wav", tmp_path])) == 3
    with pytest.raises(NoSpeech, match="name recordings"):
        recorded([tmp_path / "inner"])


def test_speech_that_was_generated_is_kept_for_other_processes(tmp_path: Path) -> None:
    utterances = generated()
    assert len(utterances) >= 3
    assert all(0.5 < len(utterance) / RATE < 5 for utterance in utterances)
    save(tmp_path / "speech.npz", utterances)
    assert all(map(np.array_equal, load(tmp_path / "speech.npz"), utterances))


@pytest.mark.parametrize("pitch", [140, 160, 180])
def test_vowels_are_taken_for_speech(pitch: float) -> None:
    model, stream, resampler = SileroModel(), VadStream(16_000), Resampler(RATE, 16_000)
    stream.push(resampler.push(vowels(1.5, pitch=pitch)))
    judged = [float(step(model, [stream])[0]) for _ in range(stream.waiting)]
    assert np.mean(np.array(judged) > 0.5) > 0.95


def test_the_user_of_a_recorded_session_is_heard_again(tmp_path: Path) -> None:
    telephone = {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcmu"}}}}

    async def have_a_session() -> None:
        async with conversation(Script(), record=tmp_path) as caller:
            await caller.say_something(1.0)
            await caller.send(client.SessionUpdate(session=telephone))
            await caller.until(server.SessionUpdated)
            await caller.send(client.InputAudioBufferAppend(audio=G711_ULAW.encode(sound(2.0 * 8000 / RATE))))
            await caller.until(server.InputAudioBufferSpeechStarted)

    run(have_a_session)
    assert [len(each) / RATE for each in recorded([tmp_path])] == pytest.approx([1.0, 2.0], abs=0.02)
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5] + b"12345")
    with pytest.raises(NoSpeech, match="damaged"):
        recorded([file])
