"""A client's loudspeaker, as far as it can be told from when audio came: it plays from the first audio on."""

from typing import Final

GRACE: Final = 0.02
"""Seconds that audio may come after it should have been heard: a frame, which the least of buffers makes up for."""


class Playback:
    """One answer's audio."""

    def __init__(self) -> None:
        self.until = 0.0
        """When the last sample that has come will have been heard, if no more comes."""
        self.jitter = 0.0
        """Seconds that a piece of audio was behind a stream that is as fast as speech and began with the first piece,
        at worst: what a client would have to hold back to have no gap."""
        self._first: float | None = None
        self._media = 0.0
        self._silent = 0.0

    @property
    def begun(self) -> bool:
        """Whether any audio has come."""
        return self._first is not None

    def hear(self, seconds: float, now: float) -> float:
        """Take a piece of audio; return for how long there was nothing to hear before it."""
        if self._first is None:
            self._first = self.until = now
        self.jitter = max(self.jitter, now - self._first - self._media)
        gap = max(0.0, now - self.until)
        self._silent += gap
        self._media += seconds
        self.until = max(self.until, now) + seconds
        return gap if gap > GRACE else 0.0

    def is_heard(self, now: float) -> bool:
        """Whether there is something to hear."""
        return self._first is not None and now < self.until

    def stop(self, now: float) -> float:
        """Be silent; return how many seconds of the answer have been heard."""
        if self._first is None:
            return 0.0
        self.until = min(self.until, now)
        return min(self._media, max(0.0, self.until - self._first - self._silent))
