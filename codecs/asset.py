"""Assets: files of any kind, loaded by content, used by role.

>>> asset = load(b"Ever tried. Ever failed. No matter.")
>>> asset.kind, asset.mime_type
('text', 'text/plain')
>>> asset.as_text()
'Ever tried. Ever failed. No matter.'
"""

from typing import TypeVar

from . import roles
from .errors import RoleError
from .formats import Format, identify
from .gate import probe
from .limits import Limits
from .roles import Audio, Image, Role, Speech, Video
from .sandbox import Sandbox
from .source import Loadable, Source, source_of
from .streams import AudioStream, MediaInfo, OtherStream, Stream, VideoStream

T = TypeVar("T")
_DEFAULT = Limits()


def load(what: Loadable, *, limits: Limits = _DEFAULT, sandbox: Sandbox | None = None) -> "Asset":
    """Load a file by its content; nothing of it is decoded, and no name or declared type is believed.

    Args:
        what: a path, the content as bytes, or a binary file object, which is read to its end. What comes from a URL is
            fetched by the caller and passed as bytes.
        limits: what it may cost to look into it and to decode it.
        sandbox: where libav opens it, each time. None, for files that are trusted: in this process.

    Returns:
        The asset. Unknown content makes an asset of kind ``data``.

    Raises:
        RefusedFormat: for playlists and the like, for URLs, devices and pipes.
        TooManyBytes: if it is larger than ``limits.bytes``.
        OSError: if the file can't be read.
    """
    source = source_of(what, limits)
    return Asset(source, identify(source), limits, sandbox)


class Asset:
    """A file: where its bytes are, its format, and on demand what is inside.

    Attributes:
        source: where the bytes are.
        format: what the content was recognised as.
        limits: what it may cost to look into it and to decode it.
        sandbox: where libav opens it; None for this process.
    """

    __slots__ = ("_info", "format", "limits", "sandbox", "source")

    def __init__(
        self, source: Source, file_format: Format, limits: Limits = _DEFAULT, sandbox: Sandbox | None = None
    ) -> None:
        self.source = source
        self.format = file_format
        self.limits = limits
        self.sandbox = sandbox
        self._info: MediaInfo | None = None

    @property
    def info(self) -> MediaInfo:
        """Streams and duration. The first use opens the file, if it is of a kind that libav opens.

        Raises:
            BrokenMedia: if libav can't make sense of it.
            LimitExceeded: one of its subclasses, if a limit is exceeded.
            SandboxDied: if the sandbox's child crashed.
            OSError: if the file can't be read.
        """
        if self._info is None:
            self._info = self._look()
        return self._info

    def _look(self) -> MediaInfo:
        if self.format.demuxer is None:
            return MediaInfo()
        if self.sandbox is None or "image" in self.format.types:  # an image's header is read by our own code
            return probe(self.source, self.format, self.limits)
        request = self.format.name.encode()
        return self.sandbox.ask("troupe.codecs.gate:probe_job", self.source, request, self.limits, MediaInfo)

    @property
    def kind(self) -> str:
        """``audio``, ``video``, ``image``, ``text``, ``data``, or one that was added; see `info` for errors."""
        kinds = tuple(self.format.types)
        if len(kinds) == 1:
            return kinds[0]
        return "audio" if self.info.video is None and self.info.audio is not None else "video"

    @property
    def mime_type(self) -> str:
        """The MIME type of this format and kind; see `info` for errors."""
        return self.format.types[self.kind]

    @property
    def size(self) -> int:
        """In bytes."""
        return self.source.size

    @property
    def duration(self) -> float | None:
        """In seconds; None for what has no duration. See `info` for errors."""
        return self.info.duration

    @property
    def streams(self) -> tuple[Stream, ...]:
        """What is inside; see `info` for errors."""
        return self.info.streams

    def read(self) -> bytes:
        """Return the content.

        Raises:
            OSError: if the file can't be read.
        """
        return self.source.read()

    def play(self, role: Role[T]) -> T:
        """Return the view that `role` makes of this asset.

        Raises:
            RoleError: if the asset can't play the role.
            BrokenMedia, LimitExceeded, OSError: as for `info`.
        """
        possible = role.kinds is None or not role.kinds.isdisjoint(self.format.types)
        view = role.view(self) if possible else None
        if view is None:
            raise RoleError(f"this is {self.describe()}; the role {role.name} needs {role.needs}")
        return view

    def as_audio(self) -> Audio:
        """Play audio: a recording, or the sound of a video. Raises as `play`."""
        return self.play(roles.AUDIO)

    def as_speech(self) -> Speech:
        """Play speech: a recording, or the sound of a video. Raises as `play`."""
        return self.play(roles.SPEECH)

    def as_video(self) -> Video:
        """Play video. Raises as `play`."""
        return self.play(roles.VIDEO)

    def as_image(self) -> Image:
        """Play an image. Raises as `play`."""
        return self.play(roles.IMAGE)

    def as_text(self) -> str:
        """Return the content as text. Raises as `play`."""
        return self.play(roles.TEXT)

    def as_data(self) -> bytes:
        """Return the content as it is."""
        return self.play(roles.DATA)

    def describe(self) -> str:
        """Say what this is, as far as it is known by now: the file is not opened for it."""
        text = f"{self.format.title} ({' or '.join(self.format.types)})"
        if self._info is None or self.format.demuxer is None:
            return text
        return f"{text} with {', '.join(map(_words, self._info.streams)) or 'no stream'}"

    def __repr__(self) -> str:
        return f"<Asset {self.describe()}, {self.size} bytes>"


def _words(stream: Stream) -> str:
    match stream:
        case AudioStream():
            return f"audio {stream.codec}, {stream.rate} Hz x {stream.channels}"
        case VideoStream():
            return f"video {stream.codec}, {stream.width} x {stream.height}"
        case OtherStream():
            return f"{stream.kind} {stream.codec}"
