"""Raw audio on the wire: every cut of the stream gives the same samples; what is not base64 is refused whole."""

from base64 import b64encode
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.audio_format import AUDIO_FORMATS, G711_ALAW, G711_ULAW, PCM16, AudioDecoder, AudioFormat, pcm16
from troupe.codecs.errors import BrokenMedia

FORMATS = pytest.mark.parametrize("form", [PCM16, G711_ULAW, G711_ALAW], ids=lambda form: form.name)


@FORMATS
@given(data=st.binary(max_size=60), cuts=st.lists(st.integers(0, 60)))
def test_the_cuts_do_not_matter(form: AudioFormat, data: bytes, cuts: list[int]) -> None:
    data = data[: len(data) - len(data) % form.sample_size]
    by_bytes, by_text = AudioDecoder(form), AudioDecoder(form)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    chunks = [data[start:stop] for start, stop in pairwise(edges)]
    joined = np.concatenate([by_bytes.push(chunk) for chunk in chunks])
    assert joined.dtype == np.int16
    assert np.array_equal(joined, form.decode(data))
    assert np.array_equal(np.concatenate([by_text.push_base64(b64encode(chunk)) for chunk in chunks]), joined)
    assert by_bytes.pending == by_text.pending == b""


@FORMATS
@given(samples=st.lists(st.integers(-32768, 32767)))
def test_what_is_encoded_is_decoded(form: AudioFormat, samples: list[int]) -> None:
    array = np.array(samples, np.int16)
    decoded = AudioDecoder(form).push_base64(form.encode_base64(array))
    assert np.array_equal(decoded, array if form is PCM16 else form.decode(form.encode(array)))
    assert len(form.encode(array)) == len(samples) * form.sample_size


def test_half_a_sample_waits_for_its_other_half() -> None:
    decoder = AudioDecoder(PCM16)
    assert decoder.push(b"\x01\x00\x02").tolist() == [1]
    assert decoder.pending == b"\x02"
    assert decoder.push(b"").tolist() == []
    assert decoder.push(b"\x01\x03").tolist() == [0x0102]
    decoder.reset()
    assert decoder.push(b"\x05\x00").tolist() == [5]


def test_decoding_pcm_copies_nothing() -> None:
    data = bytes(960)
    assert np.shares_memory(AudioDecoder(PCM16).push(data), np.frombuffer(data, np.uint8))


@pytest.mark.parametrize("text", ["AAA", "AAAA\n", "A*AA", "AA==AAAA", "====", "äAAA"])
def test_what_is_not_base64_is_refused_and_the_stream_goes_on(text: str) -> None:
    decoder = AudioDecoder(PCM16)
    decoder.push(b"\x07")
    with pytest.raises(BrokenMedia, match="not base64"):
        decoder.push_base64(text)
    assert decoder.push(b"\x00").tolist() == [7]


def test_the_table() -> None:
    assert AUDIO_FORMATS["pcm16"] is AUDIO_FORMATS["audio/pcm"] is PCM16
    assert AUDIO_FORMATS["g711_ulaw"] is AUDIO_FORMATS["audio/pcmu"] is G711_ULAW
    assert AUDIO_FORMATS["g711_alaw"] is AUDIO_FORMATS["audio/pcma"] is G711_ALAW
    assert (pcm16(8000).rate, pcm16(8000).encode(np.array([258], np.int16))) == (8000, b"\x02\x01")
