"""The errors of `troupe.codecs`.

::

    CodecError
    ├── UnsupportedFormat       nothing here can read or write this format, codec or combination
    ├── RefusedFormat           a playlist, session description or URL: reading it would open other files or sockets
    ├── BrokenMedia             damaged, truncated or lying: it can't be decoded (any further)
    ├── RoleError               the asset can't play the role that was wanted
    ├── SandboxDied             the child process that decoded was killed or crashed
    ├── ModelUnavailable        the file of a local model is missing or is not the known one
    ├── RingFull                no room in a ring of audio whose samples are still needed
    └── LimitExceeded           a limit of `Limits`; `.limit` is what was allowed
        ├── TooManyBytes        of the file, of one packet, or buffered while waiting for the rest of something
        ├── TooLong             in seconds of media, declared or decoded
        ├── TooManyPixels       of one picture
        ├── TooManyStreams
        ├── TooManyFrames       per second of video
        └── TooSlow             CPU or wall time spent

`CodecError` and `LimitExceeded` are never raised themselves. Mistakes in the calling code (a negative rate, a push
after `finish`) are `ValueError` and `TypeError`. No text of an error carries content, names or paths.
"""


class CodecError(Exception):
    """Base of all errors of this package; never raised itself."""


class UnsupportedFormat(CodecError):
    """Nothing here can read or write this format, codec or combination."""


class RefusedFormat(CodecError):
    """A playlist, session description or URL: reading it would open other files or sockets."""


class BrokenMedia(CodecError):
    """Damaged, truncated or lying media that can't be decoded (any further)."""


class RoleError(CodecError):
    """The asset can't play the role that was wanted. The text says what it is and what the role needs."""


class SandboxDied(CodecError):
    """The sandboxed child process was killed or crashed before it had answered."""


class ModelUnavailable(CodecError):
    """The file of a local model is missing or is not the known one. The text names the package to install."""


class RingFull(CodecError):
    """A ring of audio has no room, and its policy is to reject; `Ring.discard_before` makes room."""


class LimitExceeded(CodecError):
    """A limit was exceeded; never raised itself.

    Attributes:
        limit: what was allowed, in the unit that the field of `Limits` has.
    """

    def __init__(self, message: str, limit: float) -> None:
        super().__init__(message)
        self.limit = limit


class TooManyBytes(LimitExceeded):
    """The file, one packet, or what is buffered while waiting for its rest is too large."""


class TooLong(LimitExceeded):
    """The media is longer than allowed, as declared or as decoded."""


class TooManyPixels(LimitExceeded):
    """A picture has more pixels than allowed, as declared or as decoded."""


class TooManyStreams(LimitExceeded):
    """The container has more streams than allowed."""


class TooManyFrames(LimitExceeded):
    """The video has more frames per second than allowed, as declared or as decoded."""


class TooSlow(LimitExceeded):
    """The work took more CPU time or wall time than allowed."""
