"""The quantities that the load generator measures, by name, and where they are collected."""

from array import array
from collections import Counter
from typing import Final

import numpy as np

from .results import Distribution, Turn

MEASURES: Final = {
    "connect": "TCP, TLS and upgrade",
    "first_event": "upgrade → session.created",
    "endpoint": "end of speech → speech_stopped",
    "transcript": "end of speech → transcript",
    "first_token": "end of speech → first text of the answer",
    "first_audio": "end of speech → first audio of the answer",
    "answer": "end of speech → response.done",
    "reaction": "speech_stopped → first audio of the answer",
    "barge_in": "user begins to interrupt → silence",
    "overrun": "speech_started → last audio of the answer that it stopped",
    "truncate": "conversation.item.truncate → answer",
    "jitter": "audio behind a steady stream, at worst in an answer",
    "gap": "length of a gap in an answer",
    "audio_late": "audio behind the moment at which a client that plays at once should have had it",
    "probe": "an event that is answered at once → its answer",
    "lateness": "the load generator's frames behind their time",
}
"""What is behind each name. All are in seconds; ``lateness`` is the generator's own, all others are the server's."""

COUNTS: Final = {
    "turns": "turns",
    "interruptions": "of them interruptions",
    "talked_over": "interruptions at which the answer was not stopped",
    "unanswered": "turns without an answer",
    "early": "answers begun before the end of speech",
    "false_starts": "times that silence was taken for speech",
    "gaps": "gaps in answers",
    "errors": "errors",
    "disconnects": "disconnects",
    "frames": "frames of 20 ms sent",
    "audio_ms": "ms of audio received",
    "bytes_out": "bytes sent",
    "bytes_in": "bytes received",
}
"""What is counted, in words."""

KEPT_TURNS: Final = 40
"""Turns of a step that are kept one by one."""
FLOWS: Final = ("frames", "audio_ms", "bytes_out", "bytes_in")
"""What is counted only while it is measured: a server's use of CPU is held against it."""
SUMMARISED: Final = ("lateness", "audio_late")
"""What has a value for each frame, of which a thousand quantiles are kept: nothing can be said of their confidence."""
_QUANTILES: Final = 1000


class Seen:
    """What all sessions of a process saw since the measurement began."""

    def __init__(self) -> None:
        self.since = 0.0
        """When that was; what began before is not looked at."""
        self.counts: Counter[str] = Counter()
        self.errors: Counter[str] = Counter()
        self.turns: list[Turn] = []
        self.lateness: array[float] = array("f")
        """Of each frame: they are many, so nothing else is kept of them."""
        self.audio_late: array[float] = array("f")
        """Of each piece of audio."""
        self._values: dict[str, array[float]] = {}
        self._sessions: dict[str, array[int]] = {}

    def begin(self, now: float) -> None:
        """Begin the measurement: forget what was seen, but for how sessions were opened."""
        self.since = now
        self.counts.clear()
        self.errors.clear()
        self.turns.clear()
        del self.lateness[:], self.audio_late[:]
        for name in self._values.keys() - {"connect", "first_event"}:
            del self._values[name], self._sessions[name]

    def add(self, name: str, seconds: float, session: int) -> None:
        """Take a value."""
        if name not in self._values:
            self._values[name], self._sessions[name] = array("d"), array("l")
        self._values[name].append(seconds)
        self._sessions[name].append(session)

    def fail(self, code: str) -> None:
        """Count an error."""
        self.counts["errors"] += 1
        self.errors[code] += 1

    def values(self, name: str) -> "array[float]":
        """Return the values that have been taken."""
        return self._values.get(name) or array("d")

    def distributions(self) -> dict[str, Distribution]:
        """Return all values; of those that have one for each frame a thousand quantiles."""
        found = {
            name: Distribution(unit="s", values=list(values), sessions=list(self._sessions[name]))
            for name, values in self._values.items()
        }
        shares = np.linspace(0, 1, _QUANTILES + 1)
        for name, values in (("lateness", self.lateness), ("audio_late", self.audio_late)):
            if values:
                quantiles = np.quantile(np.asarray(values, np.float64), shares, method="inverted_cdf").tolist()
                found[name] = Distribution(unit="s", values=quantiles)
        return found
