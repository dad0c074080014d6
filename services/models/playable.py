"""What plays speech: anything with sound in it."""

from collections.abc import Iterator

from ...codecs.asset import Asset, load
from ...codecs.decode import decode_audio
from ...codecs.encode import encode
from ...codecs.pcm import Pcm, to_int16
from ...codecs.resample import Resampler
from ...codecs.source import Loadable
from .spoken import Spoken

Playable = Asset | Spoken | Pcm | Loadable
"""What can play speech: a recording or a video, as an asset, a path, bytes or a file; or audio itself."""


def pieces_of(speech: Playable, rate: int) -> Iterator[bytes]:
    """Return its audio, mono s16le at `rate` Hz, about a second a piece; it is decoded while it is read, and blocks.

    Raises:
        RoleError: There is no sound in it; at once.
        OSError: The file can't be read; at once.
        CodecError: It can't be decoded, while iterating too.
    """
    if isinstance(speech, Spoken):
        speech = speech.audio
    if isinstance(speech, Pcm):
        return _resampled(speech, rate)
    asset = speech if isinstance(speech, Asset) else load(speech)
    return (pcm.to_bytes() for pcm in decode_audio(asset.as_speech(), rate=rate))


def recording_of(speech: Playable, rate: int) -> bytes:
    """Return its audio as a WAV file, mono at `rate` Hz; blocks, and raises as `pieces_of`."""
    return encode(Pcm.from_bytes(b"".join(pieces_of(speech, rate)), rate), "wav")


def _resampled(audio: Pcm, rate: int) -> Iterator[bytes]:
    samples = to_int16(audio.mono().samples[:, 0])
    resampler = Resampler(audio.rate, rate)
    for start in range(0, len(samples), audio.rate):
        yield resampler.push(samples[start : start + audio.rate]).tobytes()
    yield resampler.finish().tobytes()
