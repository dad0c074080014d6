import av
import numpy as np
import pytest
from troupe.codecs.samples import samples_of


def frame(array, sample_format, layout):
    return av.AudioFrame.from_ndarray(np.asarray(array), format=sample_format, layout=layout)


def test_int16_packed_and_planar():
    packed = frame(np.array([[1, -1, 2, -2]], np.int16), "s16", "stereo")
    planar = frame(np.array([[1, 2], [-1, -2]], np.int16), "s16p", "stereo")
    for each in (packed, planar):
        samples = samples_of(each)
        assert samples.dtype == np.int16
        assert samples.tolist() == [[1, -1], [2, -2]]
        assert samples.flags.c_contiguous


@pytest.mark.parametrize("planar", ["", "p"])
def test_wide_integers_are_shifted(planar):
    values = np.array([[2**31 - 1, -(2**31), 65535, -1]], np.int32)
    assert samples_of(frame(values, "s32" + planar, "mono")).ravel().tolist() == [32767, -32768, 0, -1]


def test_bytes_are_centred():
    values = np.array([[0, 128, 255]], np.uint8)
    assert samples_of(frame(values, "u8", "mono")).ravel().tolist() == [-32768, 0, 127 * 256]


@pytest.mark.parametrize(
    ("kind", "dtype"), [("flt", np.float32), ("fltp", np.float32), ("dbl", np.float64), ("dblp", np.float64)]
)
def test_floats_are_rounded_and_clamped(kind, dtype):
    values = np.array([[0.5, -1.0, 1.0, 2.0, -3.0, 0.6 / 32768, np.nan]], dtype)
    assert samples_of(frame(values, kind, "mono")).ravel().tolist() == [16384, -32768, 32767, 32767, -32768, 1, 0]


def test_it_is_a_copy():
    source = frame(np.array([[1, 2]], np.int16), "s16", "mono")
    samples = samples_of(source)
    source.planes[0].update(np.array([7, 7], np.int16))
    assert samples.ravel().tolist() == [1, 2]
