import pytest
from troupe.codecs.demux.opus import opus_head, opus_track
from troupe.codecs.errors import BrokenMedia

HEAD = b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"


def test_the_decoder_is_told_not_to_skip_what_is_skipped_here():
    track = opus_track(3, HEAD)
    assert (track.number, track.rate, track.channels, track.skip) == (3, 48000, 2, 312)
    assert track.extradata == HEAD.replace(b"\x38\x01", b"\0\0")
    assert opus_track(3, HEAD, skip=7).skip == 7


@pytest.mark.parametrize(
    "head", [b"", HEAD[:18], b"OpusTags" + HEAD[8:], HEAD[:8] + b"\x10" + HEAD[9:], HEAD.replace(b"\2", b"\0")]
)
def test_no_header(head):
    with pytest.raises(BrokenMedia):
        opus_track(0, head)


def test_the_box_of_mp4_is_the_same_in_the_other_byte_order():
    assert opus_head(b"\x00\x02\x01\x38\x00\x00\xbb\x80\x00\x00\x00") == HEAD
    with pytest.raises(BrokenMedia):
        opus_head(bytes(10))
