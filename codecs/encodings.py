"""The formats that can be written, as data: container, codecs, rates, and the options of libav for each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from .errors import UnsupportedFormat
from .formats import FORMATS

_OPUS_RATES = (8000, 12000, 16000, 24000, 48000)
_MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_AAC_RATES = (*_MP3_RATES, 64000, 88200, 96000)
_MOVIE_TIMESCALE = "28224000"
"""In Hz: the least common multiple of the rates of AAC. MP4 says in it where audio ends; libav's usual one is a
millisecond, which is 48 samples."""


LAYOUTS = {1: "mono", 2: "stereo"}
"""libav's names of the channel layouts that are written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """A way to write audio.

    Attributes:
        name: that of the `formats.Format` it makes, or ``pcm`` for bare samples.
        mime_type: with the codec where a player has to know it.
        codec: libav's encoder; None where samples are written as they are.
        sample_format: what the encoder takes.
        rates: in Hz, ascending, that the codec knows; none named means any. Other rates are resampled.
        most_channels: how many there may be.
        bit_rate: in bit/s per channel, unless another one is asked for; None if there is nothing to choose.
        muxer: libav's container; None where the container is written by ourselves.
        whole: options of the muxer for a file that is written in one go and may be corrected at its start.
        live: options of the muxer for a stream that is read while it is written.
    """

    name: str
    mime_type: str
    codec: str | None = None
    sample_format: str = "s16"
    rates: tuple[int, ...] = ()
    most_channels: int = 2
    bit_rate: int | None = None
    muxer: str | None = None
    whole: Mapping[str, str] = field(default_factory=dict[str, str])
    live: Mapping[str, str] = field(default_factory=dict[str, str])

    def rate_for(self, rate: int) -> int:
        """Return the rate that audio of `rate` Hz is written at: itself, the next higher one known, or the highest."""
        if not self.rates:
            return rate
        return next((known for known in self.rates if known >= rate), self.rates[-1])

    def settings(self, rate: int, channels: int, bit_rate: int | None = None) -> dict[str, object]:
        """Return the attributes of libav's encoder for audio of this rate and number of channels."""
        settings: dict[str, object] = {
            "sample_rate": self.rate_for(rate),
            "layout": LAYOUTS[channels],
            "format": self.sample_format,
        }
        if self.bit_rate is not None:
            settings["bit_rate"] = bit_rate or self.bit_rate * channels
        return settings


ENCODINGS = {
    encoding.name: encoding
    for encoding in (
        Encoding(name="pcm", mime_type="audio/pcm", most_channels=255),
        Encoding(name="wav", mime_type="audio/wav", most_channels=255),
        Encoding(
            name="flac",
            mime_type="audio/flac",
            codec="flac",
            muxer="flac",
            whole={"metadata_header_padding": "0"},
            live={"metadata_header_padding": "0"},
        ),
        Encoding(
            name="mp3",
            mime_type="audio/mpeg",
            codec="libmp3lame",
            sample_format="s16p",
            rates=_MP3_RATES,
            bit_rate=64_000,
            muxer="mp3",
            whole={"id3v2_version": "0"},
            live={"id3v2_version": "0", "write_xing": "0"},
        ),
        Encoding(
            name="ogg",
            mime_type="audio/ogg; codecs=opus",
            codec="libopus",
            rates=_OPUS_RATES,
            bit_rate=48_000,
        ),
        Encoding(
            name="webm",
            mime_type="audio/webm; codecs=opus",
            codec="libopus",
            rates=_OPUS_RATES,
            bit_rate=48_000,
            muxer="webm",
            live={"live": "1", "cluster_time_limit": "0"},  # a cluster for each packet: none waits for the next
        ),
        Encoding(
            name="m4a",
            mime_type='audio/mp4; codecs="mp4a.40.2"',
            codec="aac",
            sample_format="fltp",
            rates=_AAC_RATES,
            bit_rate=64_000,
            muxer="ipod",
            whole={"movie_timescale": _MOVIE_TIMESCALE},
            live={"movflags": "+delay_moov+default_base_moof", "frag_duration": "200000"},
        ),
        Encoding(
            name="aac",
            mime_type="audio/aac",
            codec="aac",
            sample_format="fltp",
            rates=_AAC_RATES,
            bit_rate=64_000,
            muxer="adts",
        ),
    )
}
"""By name."""


def encoding_named(name: str) -> Encoding:
    """Look up an encoding by the name of its format, or by a file name extension of it, such as ``opus``.

    Raises:
        UnsupportedFormat: if audio can't be written so.
    """
    names = [name, *(known.name for known in FORMATS if name in known.extensions)]
    found = next((ENCODINGS[known] for known in names if known in ENCODINGS), None)
    if found is None:
        raise UnsupportedFormat(f"audio is not written in this format; known are {', '.join(ENCODINGS)}")
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoEncoding:
    """A way to write video.

    Attributes:
        muxer: libav's container.
        video: libav's encoder of pictures.
        options: of that encoder.
        audio: the way to write the sound, as far as it does not depend on the container.
    """

    muxer: str
    video: str
    options: Mapping[str, str]
    audio: Encoding


_H264 = {"preset": "veryfast", "crf": "23"}
_VP9 = {"deadline": "realtime", "cpu-used": "8", "crf": "33", "b": "0"}

VIDEO_ENCODINGS = {
    "mp4": VideoEncoding(muxer="mp4", video="libx264", options=_H264, audio=ENCODINGS["m4a"]),
    "mov": VideoEncoding(muxer="mov", video="libx264", options=_H264, audio=ENCODINGS["m4a"]),
    "mkv": VideoEncoding(muxer="matroska", video="libx264", options=_H264, audio=ENCODINGS["m4a"]),
    "webm": VideoEncoding(muxer="webm", video="libvpx-vp9", options=_VP9, audio=ENCODINGS["webm"]),
}
"""By the names of `formats.Format`."""


def video_encoding_named(name: str) -> VideoEncoding:
    """Look up a way to write video by the name of its format.

    Raises:
        UnsupportedFormat: if video can't be written so.
    """
    if name not in VIDEO_ENCODINGS:
        raise UnsupportedFormat(f"video is not written in this format; known are {', '.join(VIDEO_ENCODINGS)}")
    return VIDEO_ENCODINGS[name]
