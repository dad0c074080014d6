import pytest
from troupe.codecs.demux.headers import FrameHeader, adts_header, id3_size, mp3_header


@pytest.mark.parametrize("rate", [8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_mp3_headers_of_all_versions_rates_and_channels(ffmpeg, tmp_path, rate, channels):
    path = tmp_path / "x.mp3"
    ffmpeg(
        "-f",
        "lavfi",
        "-i",
        f"sine=d=0.3:r={rate}",
        "-ac",
        str(channels),
        "-write_xing",
        "0",
        "-id3v2_version",
        "0",
        path,
    )
    data = path.read_bytes()
    at = 0
    while at < len(data):
        header = mp3_header(data, at)
        assert header is not None
        assert (header.rate, header.channels, header.samples) == (rate, channels, 1152 if rate >= 32000 else 576)
        at += header.size
    assert at == len(data)


@pytest.mark.parametrize(
    "head",
    [b"\xff\xfb\xf0\0", b"\xff\xfb\x00\0", b"\xff\xfb\x9c\0", b"\xff\xeb\x90\0", b"\xff\xfd\x90\0", b"\xff\xf9\x90\0"],
    ids=["bit rate 15", "free format", "rate 3", "version 1", "layer II", "layer none"],
)
def test_no_mp3_header(head):
    assert mp3_header(head) is None


def test_cut_headers():
    assert mp3_header(b"\xff\xfb\x90") is None
    assert adts_header(b"\xff\xf1\x50\x40\x10\x1f") is None
    assert id3_size(b"ID3\4\0\0\0\0\1") == 0


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 2), (44100, 2), (96000, 6)])
def test_adts_headers(ffmpeg, tmp_path, rate, channels):
    path = tmp_path / "x.aac"
    ffmpeg("-f", "lavfi", "-i", f"sine=d=0.3:r={rate}", "-ac", str(channels), path)
    data = path.read_bytes()
    at = 0
    while at < len(data):
        header = adts_header(data, at)
        assert header is not None
        assert header == FrameHeader(header.size, 1024, rate, channels, 0)
        at += header.size
    assert at == len(data)


@pytest.mark.parametrize(
    "head",
    [b"\xff\xf1\x74\x40\x10\x1f\xfc", b"\xff\xf1\x50\x40\x00\x1f\xfc", b"\xff\xf3\x50\x40\x10\x1f\xfc"],
    ids=["rate 13", "no size", "layer"],
)
def test_no_adts_header(head):
    assert adts_header(head) is None


def test_id3_size():
    assert id3_size(b"ID3\4\0\0\0\0\1\1") == 10 + 129
    assert id3_size(b"ID3\4\0\x10\0\0\0\1") == 10 + 1 + 10  # with a footer
    assert id3_size(b"ID3\4\0\0\x80\0\0\1") == 0
    assert id3_size(b"TAG" + bytes(20)) == 0
