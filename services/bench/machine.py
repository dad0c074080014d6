"""What a measurement was taken on."""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Final, Self

from msgspec import Struct

PACKAGES: Final = (
    "troupe",
    "anyio",
    "trio",
    "uvloop",
    "msgspec",
    "numpy",
    "av",
    "soxr",
    "onnxruntime",
    "uvicorn",
    "websockets",
)


class Machine(Struct, frozen=True, kw_only=True):
    """Hardware, system and versions."""

    cpu: str
    """The processor's name."""
    cpus: int
    """Those that this process may use."""
    os: str
    python: str
    load: float
    """Processes that wanted to run, in the mean of the minute before: above a few tenths, somebody else was at work."""
    packages: dict[str, str]
    """Versions, of those that are installed."""

    @classmethod
    def here(cls) -> Self:
        """Return what is known of this machine, now."""
        return cls(
            cpu=_processor(),
            cpus=usable_cpus(),
            os=f"{platform.system()} {platform.release()}",
            python=f"{platform.python_implementation()} {sys.version.split()[0]}",
            load=round(os.getloadavg()[0], 2),
            packages=_versions(),
        )

    def __str__(self) -> str:
        packages = ", ".join(f"{name} {version}" for name, version in self.packages.items())
        return f"{self.cpus} x {self.cpu}, {self.os}, {self.python}; {packages}"


def usable_cpus() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _versions() -> dict[str, str]:
    versions: dict[str, str] = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return versions
