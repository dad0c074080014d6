"""What is measured side by side: Troupe, other frameworks in a usual and a lean set-up, and two floors."""

import sys
from pathlib import Path
from typing import Final

from msgspec import Struct

from ..worker import Workload
from .wires import WireName


class Subject(Struct, frozen=True, kw_only=True):
    """A server with scripted providers, and how to talk with it."""

    title: str
    script: str
    """Below ``benchmarks``; it prints its port, and ends with its standard input."""
    arguments: tuple[str, ...]
    """Of its own; what is the same for all comes after them."""
    packages: str = ""
    """The file of requirements beside the script, for an environment of its own; empty: Troupe's own."""
    distribution: str
    """What its version is asked of."""
    wire: WireName = "realtime"
    workload: Workload = "turns"
    knee: bool = True
    """Whether the most sessions that it holds are looked for."""
    settings: dict[str, str] = {}
    remarks: tuple[str, ...] = ()

    def requirements(self, benchmarks: Path) -> Path | None:
        """Return its file of requirements; None if it needs no environment of its own."""
        return benchmarks / "peers" / self.packages if self.packages else None

    def command(self, benchmarks: Path, python: Path | None, *, sentences: int, sessions: int) -> list[str]:
        """Return how to start it.

        Args:
            benchmarks: The checkout's folder of that name.
            python: The interpreter of its environment; None for this one.
            sentences: Of an answer.
            sessions: That will come.
        """
        numbers = ("--sentences", str(sentences), "--sessions", str(sessions))
        return [str(python or sys.executable), str(benchmarks / self.script), *self.arguments, *numbers]


_NO_SEMANTIC: Final = "its model of semantic turn-taking is off, as nobody else here runs one: silence ends a turn"
_PIPECAT: Final = {
    "transport": "FastAPIWebsocketTransport under uvicorn (websockets-sansio, no compression)",
    "loop": "uvloop",
    "logging": "WARNING",
    "voice activity": "its Silero analyzer, one model and one thread for each session",
    "audio": "16 kHz in, 24 kHz out, in messages of 40 ms, its default",
}
_LIVEKIT: Final = {
    "transport": "none of its own: a bare websockets server at the session's AudioInput and AudioOutput",
    "loop": "uvloop",
    "logging": "WARNING",
    "voice activity": "its bundled native Silero, one stream and one thread for each session",
}
_PIPECAT_REMARKS: Final = (
    "its maintainers recommend one process for each bot; here it is one for all, as for everybody",
    _NO_SEMANTIC,
)
_LIVEKIT_REMARKS: Final = (
    (
        "it has no transport without a LiveKit server; a room would add Opus, encryption and a native client to each "
        "session, so the numbers flatter it"
    ),
    "playing is paced by our adapter, 200 ms ahead, as its room's audio source does",
    _NO_SEMANTIC,
)

SUBJECTS: Final = {
    "troupe": Subject(
        title="Troupe",
        script="load/server.py",
        arguments=("troupe",),
        distribution="troupe",
        settings={
            "transport": "OpenAI Realtime: JSON and base64, as `troupe serve`",
            "loop": "uvloop",
            "voice activity": "Silero, one model for all sessions, in batches",
            "audio": "24 kHz in and out, in events of up to 100 ms, 0.5 s ahead of playing",
        },
        remarks=("it resamples what comes in from 24 to 16 kHz, which the others are spared",),
    ),
    "pipecat": Subject(
        title="Pipecat, usual",
        script="peers/pipecat_server.py",
        arguments=("--set-up", "usual"),
        packages="pipecat.txt",
        distribution="pipecat-ai",
        wire="protobuf",
        settings={**_PIPECAT, "serializer": "protobuf", "RTVI and turn tracking": "on, its default", "onset": "200 ms"},
        remarks=_PIPECAT_REMARKS,
    ),
    "pipecat-lean": Subject(
        title="Pipecat, lean",
        script="peers/pipecat_server.py",
        arguments=("--set-up", "lean"),
        packages="pipecat.txt",
        distribution="pipecat-ai",
        wire="pcm",
        settings={**_PIPECAT, "serializer": "bare PCM, ours", "RTVI and turn tracking": "off", "onset": "64 ms"},
        remarks=_PIPECAT_REMARKS,
    ),
    "livekit": Subject(
        title="LiveKit Agents, usual",
        script="peers/livekit_server.py",
        arguments=("--set-up", "usual"),
        packages="livekit.txt",
        distribution="livekit-agents",
        wire="pcm",
        settings={**_LIVEKIT, "preemptive generation": "on, its default", "onset": "500 ms", "audio": "20 ms out"},
        remarks=_LIVEKIT_REMARKS,
    ),
    "livekit-lean": Subject(
        title="LiveKit Agents, lean",
        script="peers/livekit_server.py",
        arguments=("--set-up", "lean"),
        packages="livekit.txt",
        distribution="livekit-agents",
        wire="pcm",
        settings={**_LIVEKIT, "preemptive generation": "off", "onset": "64 ms", "audio": "200 ms out"},
        remarks=_LIVEKIT_REMARKS,
    ),
    "livekit-processes": Subject(
        title="LiveKit Agents, a process a session",
        script="peers/livekit_server.py",
        arguments=("--set-up", "processes"),
        packages="livekit.txt",
        distribution="livekit-agents",
        wire="pcm",
        knee=False,
        settings={**_LIVEKIT, "processes": "forked from one that has everything loaded, as its worker does with jobs"},
        remarks=("only for memory: shared pages are divided among those who share them (PSS)", *_LIVEKIT_REMARKS),
    ),
    "websockets": Subject(
        title="floor: websockets echo",
        script="peers/floors.py",
        arguments=("--set-up", "websockets"),
        distribution="websockets",
        workload="echo",
        remarks=("nothing but the frames of Troupe's sessions, sent back as they are",),
    ),
    "uvicorn": Subject(
        title="floor: uvicorn echo",
        script="peers/floors.py",
        arguments=("--set-up", "uvicorn"),
        distribution="uvicorn",
        workload="echo",
        remarks=("nothing but the frames of Troupe's sessions, sent back as they are",),
    ),
}
"""By the name that the command takes."""

ABSENT: Final = {
    "HF speech-to-speech": (
        "does not run without weights: its voice activity is fetched from GitHub when a session's pipeline is built, "
        "and the package needs torch with CUDA's libraries, several gigabytes"
    ),
    "speaches": "is not on the package index, and is of use only with the weights of Whisper and a voice",
}
"""Who is not here, and why."""
