"""Whatever comes, however it is cut: whole samples, and none lost."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from troupe.actors.errors import BrokenStream
from troupe.actors.samples import EncodedSamples, RawSamples
from troupe.services.wire.openai.speech import Asked, answer, tone, wav_header


@given(pieces=st.lists(st.binary(max_size=5)))
def test_samples_are_whole_and_none_is_lost(pieces: list[bytes]) -> None:
    raw = RawSamples()
    whole = [*(raw.push(piece) for piece in pieces), raw.finish()]
    assert all(len(piece) % 2 == 0 for piece in whole)
    everything = b"".join(pieces)
    assert b"".join(whole) == everything[: len(everything) // 2 * 2]


SAID = Asked(model="tts-1", input="a" * 20, voice="nova")


@pytest.mark.parametrize("form", ["wav", "mp3", "opus", "aac", "flac"])
@pytest.mark.parametrize("size", [7, 100_000])
def test_encodedaudio_is_decoded_as_it_comes(form: Any, size: int) -> None:
    encoded = b"".join(step for step in answer(replace(SAID, response_format=form)).steps if isinstance(step, bytes))
    decoder = EncodedSamples("wire", 24_000)
    pcm = b"".join(decoder.push(encoded[start : start + size]) for start in range(0, len(encoded), size))
    pcm += decoder.finish()
    expected = np.frombuffer(tone(SAID), "<i2")
    got = np.frombuffer(pcm, "<i2")
    assert abs(len(got) - len(expected)) <= 2400  # codecs pad; by less than 0.1 s
    if form in {"wav", "flac"}:
        assert (got == expected).all()
    else:
        assert np.sqrt(np.mean(got.astype(float) ** 2)) == pytest.approx(8000 / np.sqrt(2), rel=0.1)


def test_another_rate() -> None:
    pcm = EncodedSamples("wire", 16_000).push(wav_header() + tone(SAID))
    assert len(pcm) == pytest.approx(1.2 * 32_000, rel=0.05)


@pytest.mark.parametrize("data", [b"<html>no audio</html>" * 20, b"RIFF"])
def test_what_is_no_audio(data: bytes) -> None:
    decoder = EncodedSamples("wire", 24_000)
    with pytest.raises(BrokenStream, match="can't be decoded"):
        decoder.push(data)
        decoder.finish()
