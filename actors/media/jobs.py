"""The messages of media jobs: files in, a file or a measurement out, whoever does the work.

Paths are those of this machine. What a job makes is there as a whole at the end, or nothing has changed; what was at
its path before is replaced. What can go wrong with the files are the errors of `troupe.codecs.errors`, whoever finds
out.
"""

from collections.abc import Collection
from pathlib import PurePath
from typing import Final, Literal, get_args

from msgspec import Struct

from ...codecs.asset import Asset
from ...codecs.errors import UnsupportedFormat
from ...runtime import Request

Fit = Literal["fit", "pad", "fill"]
"""How a picture gets into a size: as large as fits, with bars around it, or cut at two sides; see
`troupe.codecs.geometry.Fit`."""
USUAL_LIMIT: Final = 600.0
Form = Literal["mp4", "webm", "mkv", "mp3", "m4a", "ogg", "flac", "wav", "jpeg", "png"]
FORMS: Final[tuple[Form, ...]] = get_args(Form)
PLAYED: Final = frozenset[Form]({"mp4", "webm", "mkv", "mp3", "m4a", "ogg", "flac", "wav"})
VIDEOS: Final = frozenset[Form]({"mp4", "webm", "mkv"})
IMAGES: Final = frozenset[Form]({"jpeg", "png"})


class MadeFile(Struct, frozen=True, kw_only=True):
    """A file that was made."""

    path: str
    media_type: str
    """What it is, whatever it is called."""
    size: int
    """In bytes."""
    duration: float | None = None
    """In seconds; None for what has none."""
    width: int | None = None
    """In pixels; None for what has no pictures."""
    height: int | None = None

    @classmethod
    def of(cls, asset: Asset, path: str) -> "MadeFile":
        """Describe what was made; this looks into the file.

        Raises:
            CodecError: It makes no sense.
            OSError: It can't be read.
        """
        seen = asset.info.video
        return cls(
            path=path,
            media_type=asset.mime_type,
            size=asset.size,
            duration=asset.duration,
            width=seen.width if seen else None,
            height=seen.height if seen else None,
        )


class Transcode(Request[MadeFile], frozen=True, kw_only=True):
    """Bring a recording or a video into another format, or make another size or a part of it.

    A video becomes H.264 and AAC in ``.mp4`` or ``.mkv``, VP9 and Opus in ``.webm``; where `to` is a recording, the
    sound is taken out.
    """

    source: str
    to: str
    """Where it goes; its extension says what it becomes: mp4, webm, mkv, mp3, m4a, ogg, flac or wav."""
    start: float = 0.0
    """What is left out at the beginning, in seconds."""
    stop: float | None = None
    """Where it ends, in seconds of the source; None for its end."""
    size: tuple[int, int] | None = None
    """Width and height of a video, in pixels; both become even. None for its own."""
    fit: Fit = "pad"
    limit: float = USUAL_LIMIT
    """Seconds that it may take."""


class Concatenate(Request[MadeFile], frozen=True, kw_only=True):
    """Join recordings, or videos, one behind the other, at the rate, size and frame rate of the first one."""

    sources: tuple[str, ...]
    to: str
    """Where it goes; see `Transcode`."""
    limit: float = USUAL_LIMIT
    """Seconds that it may take."""


class TakeThumbnail(Request[MadeFile], frozen=True, kw_only=True):
    """Make an image of one picture of a video."""

    source: str
    to: str
    """Where it goes: jpeg (jpg) or png."""
    at: float = 0.0
    """Which picture: the one that is shown at this time, in seconds."""
    size: tuple[int, int] | None = None
    """That it gets, or, with the usual `fit`, fits into; None for its own."""
    fit: Fit = "fit"
    limit: float = USUAL_LIMIT
    """Seconds that it may take."""


class LoudnessReport(Struct, frozen=True, kw_only=True):
    """How loud something is, as EBU R 128 has it."""

    integrated: float | None
    """In LUFS; None for silence."""
    range: float
    """In LU."""
    true_peak: float | None
    """In dBTP; None for digital silence."""


class MeasureLoudness(Request[LoudnessReport], frozen=True, kw_only=True):
    """Measure how loud a recording, or the sound of a video, is."""

    source: str
    limit: float = USUAL_LIMIT
    """Seconds that it may take."""


def form_of(path: str, among: Collection[Form]) -> Form:
    """Return what a job is to make, which the extension of its path says.

    Raises:
        UnsupportedFormat: It says nothing that this job makes.
    """
    extension = PurePath(path).suffix.removeprefix(".").lower().replace("jpg", "jpeg")
    for form in FORMS:
        if form == extension and form in among:
            return form
    raise UnsupportedFormat(f"what is made ends in one of {', '.join(f'.{each}' for each in sorted(among))}")
