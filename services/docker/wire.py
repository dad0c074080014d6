"""What the Docker Engine says, as far as it is read, and what is made of it. No I/O.

From the reference of the Engine API, version 1.41 on (engine 20.10). Names on the wire are in PascalCase.
"""

import struct
from typing import Any, Final, Literal

from msgspec import Struct, field

HEADER: Final = struct.Struct(">BxxxL")
"""Before each piece of output of a container without a terminal: the stream, and how many bytes follow."""
LONGEST_LINE: Final = 16 * 1024
"""Characters of a line of output; what is longer is cut."""

Stream = Literal["stdout", "stderr"]


class Wire(Struct, frozen=True, rename="pascal"):
    """What the engine says; keys that are not known are passed over, because each version adds some."""


class HealthLog(Wire, frozen=True):
    """One run of the engine's health check."""

    exit_code: int = 0
    output: str = ""


class HealthState(Wire, frozen=True):
    """What the engine's health check found."""

    status: str = "none"
    """``none``, ``starting``, ``healthy`` or ``unhealthy``."""
    log: tuple[HealthLog, ...] | None = None


class ContainerState(Wire, frozen=True):
    """How a container is."""

    status: str = ""
    """``created``, ``running``, ``paused``, ``restarting``, ``removing``, ``exited`` or ``dead``."""
    running: bool = False
    exit_code: int = 0
    out_of_memory: bool = field(default=False, name="OOMKilled")
    error: str = ""
    health: HealthState | None = None


class Binding(Wire, frozen=True):
    """A port of this machine."""

    host_ip: str = ""
    host_port: str = ""


class NetworkSettings(Wire, frozen=True):
    """Where a container is found."""

    ports: dict[str, tuple[Binding, ...] | None] | None = None
    """By ``8000/tcp``."""


class ContainerConfig(Wire, frozen=True):
    """What a container was made from."""

    image: str = ""
    labels: dict[str, str] | None = None


class Container(Wire, frozen=True):
    """A container, as ``/containers/{id}/json`` describes it."""

    id: str = ""
    name: str = ""
    state: ContainerState = ContainerState()
    config: ContainerConfig = ContainerConfig()
    network_settings: NetworkSettings = NetworkSettings()


class Listed(Wire, frozen=True):
    """A container, as the list of all has it."""

    id: str = ""
    names: tuple[str, ...] = ()
    image: str = ""
    labels: dict[str, str] | None = None
    state: str = ""
    status: str = ""


class Network(Wire, frozen=True):
    """A network, as the list of all has it."""

    name: str = ""
    labels: dict[str, str] | None = None


class Created(Wire, frozen=True):
    """What was made."""

    id: str


class ExecState(Wire, frozen=True):
    """A command in a container."""

    running: bool = False
    exit_code: int | None = None


class Runtime(Wire, frozen=True):
    """A runtime of containers."""

    path: str = ""


class Info(Wire, frozen=True):
    """The engine, and the machine that it is on."""

    server_version: str = ""
    cpus: int = field(default=0, name="NCPU")
    memory: int = field(default=0, name="MemTotal")
    root: str = field(default="", name="DockerRootDir")
    runtimes: dict[str, Runtime] | None = None
    cdi_directories: tuple[str, ...] | None = field(default=None, name="CDISpecDirs")


class Image(Wire, frozen=True):
    """An image."""

    id: str = ""
    size: int = 0


class Actor(Struct, frozen=True):
    """Whom an event is about."""

    id: str = field(default="", name="ID")
    attributes: dict[str, str] = field(default_factory=dict, name="Attributes")


class EngineEvent(Struct, frozen=True):
    """Something that happened to a container."""

    action: str = field(default="", name="Action")
    """``start``, ``die``, ``oom``, ``health_status: healthy``, …"""
    actor: Actor = field(default_factory=Actor, name="Actor")
    time_nano: int = field(default=0, name="timeNano")

    @property
    def exit_code(self) -> int:
        """With which a container died."""
        code = self.actor.attributes.get("exitCode", "")
        return int(code) if code.isdecimal() else 0


class Layer(Struct, frozen=True):
    """How far a layer has come."""

    current: int = 0
    total: int = 0


class Progress(Struct, frozen=True, rename="camel"):
    """A line of what a pull or a build says."""

    id: str = ""
    status: str = ""
    stream: str = ""
    error: str = ""
    progress_detail: Layer | None = None


class CpuUsage(Struct, frozen=True):
    """Processor time."""

    total_usage: int = 0


class Cpu(Struct, frozen=True):
    """Processor time of a container, and of the machine."""

    cpu_usage: CpuUsage = CpuUsage()
    system_cpu_usage: int = 0
    online_cpus: int = 0


class Memory(Struct, frozen=True):
    """Memory of a container."""

    usage: int = 0
    limit: int = 0
    stats: dict[str, int] = field(default_factory=dict)


class Processes(Struct, frozen=True):
    """Processes and threads of a container."""

    current: int = 0


class Sample(Struct, frozen=True):
    """What ``/containers/{id}/stats`` says once a second."""

    cpu_stats: Cpu = Cpu()
    precpu_stats: Cpu = Cpu()
    memory_stats: Memory = Memory()
    pids_stats: Processes = Processes()


class Usage(Struct, frozen=True, kw_only=True):
    """What a container uses at a moment."""

    cpu: float
    """Processors that it keeps busy: 1.5 is one and a half."""
    memory: int
    """Bytes, without what the kernel caches of files."""
    memory_limit: int
    """Bytes that it may have."""
    processes: int
    """Processes and threads."""


def usage(sample: Sample) -> Usage:
    """Return what a container uses, reckoned as ``docker stats`` does."""
    now, before = sample.cpu_stats, sample.precpu_stats
    own = now.cpu_usage.total_usage - before.cpu_usage.total_usage
    whole = now.system_cpu_usage - before.system_cpu_usage
    busy = own / whole * (now.online_cpus or 1) if whole > 0 and before.system_cpu_usage else 0.0
    memory = sample.memory_stats
    cached = memory.stats.get("total_inactive_file", memory.stats.get("inactive_file", 0))  # cgroup v1, v2
    return Usage(
        cpu=max(0.0, busy),
        memory=max(0, memory.usage - cached),
        memory_limit=memory.limit,
        processes=sample.pids_stats.current,
    )


class LogLine(Struct, frozen=True):
    """A line that a container wrote, without its end."""

    stream: Stream
    text: str


class OutputDecoder:
    """Takes the output of a container as it comes; gives the pieces of its streams."""

    def __init__(self) -> None:
        self._pending = bytearray()

    def push(self, data: bytes) -> list[tuple[Stream, bytes]]:
        """Take bytes; return what they complete."""
        self._pending += data
        pieces: list[tuple[Stream, bytes]] = []
        start = 0
        while len(self._pending) - start >= HEADER.size:
            number, length = HEADER.unpack_from(self._pending, start)
            end = start + HEADER.size + length
            if len(self._pending) < end:
                break
            piece = bytes(self._pending[start + HEADER.size : end])
            pieces.append(("stderr" if number == 2 else "stdout", piece))
            start = end
        del self._pending[:start]
        return pieces


class LineDecoder:
    """Takes the output of a container as it comes; gives its lines."""

    def __init__(self) -> None:
        self._output = OutputDecoder()
        self._open: dict[Stream, bytearray] = {"stdout": bytearray(), "stderr": bytearray()}

    def push(self, data: bytes) -> list[LogLine]:
        """Take bytes; return the lines that they complete."""
        lines: list[LogLine] = []
        for stream, piece in self._output.push(data):
            *complete, rest = (bytes(self._open[stream]) + piece).split(b"\n")
            lines += [_line(stream, line) for line in complete]
            if len(rest) > LONGEST_LINE:
                lines.append(_line(stream, rest))
                rest = b""
            self._open[stream] = bytearray(rest)
        return lines

    def finish(self) -> list[LogLine]:
        """Return what was not ended by a newline."""
        lines = [_line(stream, bytes(rest)) for stream, rest in self._open.items() if rest]
        self._open = {"stdout": bytearray(), "stderr": bytearray()}
        return lines


def _line(stream: Stream, line: bytes) -> LogLine:
    return LogLine(stream, line.removesuffix(b"\r").decode(errors="replace")[:LONGEST_LINE])


Json = dict[str, Any]
"""What is sent to the engine."""
