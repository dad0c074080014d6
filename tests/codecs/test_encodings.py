import pytest
from troupe.codecs import formats
from troupe.codecs.encodings import ENCODINGS, encoding_named
from troupe.codecs.errors import UnsupportedFormat


def test_names_are_those_of_formats():
    assert {name for name in ENCODINGS if name != "pcm"} <= {known.name for known in formats.FORMATS}


@pytest.mark.parametrize(("name", "found"), [("ogg", "ogg"), ("opus", "ogg"), ("weba", "webm"), ("m4a", "m4a")])
def test_by_name_or_extension(name, found):
    assert encoding_named(name).name == found


@pytest.mark.parametrize("name", ["mp4", "txt", "", "png"])
def test_unknown(name):
    with pytest.raises(UnsupportedFormat, match="known are pcm, wav"):
        encoding_named(name)


@pytest.mark.parametrize(
    ("name", "rate", "written"),
    [
        *[("ogg", 8000, 8000), ("ogg", 22050, 24000), ("ogg", 44100, 48000), ("ogg", 96000, 48000)],
        *[("mp3", 22050, 22050), ("mp3", 6000, 8000), ("mp3", 96000, 48000), ("m4a", 96000, 96000)],
        *[("wav", 12345, 12345), ("flac", 12345, 12345)],
    ],
)
def test_rates(name, rate, written):
    assert ENCODINGS[name].rate_for(rate) == written
