import io
import wave
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shipped import wav
from troupe.services.shipped.serving.audio import Resampler, decode, s16le, wav_header
from troupe.services.shipped.serving.refusals import Refused


def tone(rate: int, seconds: float) -> np.ndarray:
    return np.rint(10_000 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate)).astype(np.int16)


@settings(max_examples=20)
@given(rate=st.sampled_from([8_000, 22_050, 24_000, 48_000]), cuts=st.lists(st.integers(0, 4_000), max_size=8))
def test_resampling_does_not_depend_on_the_pieces(rate: int, cuts: list[int]) -> None:
    pcm = tone(rate, 0.5)
    whole, pieces = Resampler(16_000), Resampler(16_000)
    expected = np.concatenate([whole.push_pcm(pcm, rate), whole.finish()])
    edges = [0, *sorted(min(cut, len(pcm)) for cut in cuts), len(pcm)]
    got = np.concatenate([*(pieces.push_pcm(pcm[a:b], rate) for a, b in pairwise(edges)), pieces.finish()])
    assert len(expected) == pytest.approx(8_000, abs=2)
    np.testing.assert_array_equal(got, expected)


def test_a_tone_stays_a_tone() -> None:
    heard = decode(io.BytesIO(wav(tone(44_100, 1.0), 44_100)), 16_000, 1.1)
    assert len(heard) == pytest.approx(16_000, abs=2)
    np.testing.assert_allclose(heard[200:-200], tone(16_000, 1.0)[200 : len(heard) - 200] / 32768, atol=0.01)


@pytest.mark.parametrize("name", ["/etc/hostname", "file:///etc/hostname"])
def test_files_that_name_others_are_not_followed(name: str) -> None:
    for text in (f"ffconcat version 1.0\nfile {name}\n", f"#EXTM3U\n#EXTINF:1,\n{name}\n#EXT-X-ENDLIST\n"):
        with pytest.raises(Refused) as caught:
            decode(io.BytesIO(text.encode()), 16_000, 10)
        assert caught.value.status == 400


def test_no_more_is_decoded_than_may_be() -> None:
    with pytest.raises(Refused) as caught:
        decode(io.BytesIO(wav(np.zeros(8_000 * 3, np.int16), 8_000)), 16_000, 2.5)
    assert caught.value.status == 413


def test_samples_are_written_as_a_wav() -> None:
    pcm = s16le(np.array([0.0, 0.5, -2.0, 2.0], np.float32))
    with wave.open(io.BytesIO(wav_header(24_000, len(pcm)) + pcm)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getnframes()) == (24_000, 1, 4)
        assert np.frombuffer(file.readframes(4), "<i2").tolist() == [0, 16384, -32767, 32767]
    endless = wav_header(24_000)
    assert endless[4:8] == endless[-4:] == b"\xff" * 4
