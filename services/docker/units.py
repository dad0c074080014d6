"""Durations and sizes as people write them: ``1m30s``, ``500ms``, ``4g``. The forms are those of Compose files."""

import re
from typing import Any, Final

_SECONDS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_POWERS: Final = {"": 0, "b": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_DURATION: Final = re.compile(r"(?:\d+(?:\.\d+)?(?:us|ms|s|m|h))+")
_STEP: Final = re.compile(r"(\d+(?:\.\d+)?)(us|ms|s|m|h)")
_SIZE: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?|(\d+)b")


class Seconds(float):
    """A duration in seconds, written with its unit."""


class Bytes(int):
    """A size in bytes, written with its unit; the units are powers of 1024."""


def read_seconds(raw: Any) -> Seconds:
    """Read a duration such as ``1m30s``, or a number of seconds.

    Raises:
        ValueError: It is none.
    """
    if isinstance(raw, (int, float)) and not isinstance(raw, bool) and raw >= 0:
        return Seconds(raw)
    text = str(raw).strip().lower().replace("µs", "us")
    if not _DURATION.fullmatch(text):
        raise ValueError(f"{raw!r} is no duration; one is like 30s, 500ms or 1m30s")
    return Seconds(sum(float(count) * _SECONDS[unit] for count, unit in _STEP.findall(text)))


def read_bytes(raw: Any) -> Bytes:
    """Read a size such as ``512m`` or ``4gb``, or a number of bytes.

    Raises:
        ValueError: It is none.
    """
    if isinstance(raw, int) and not isinstance(raw, bool) and raw >= 0:
        return Bytes(raw)
    match = _SIZE.fullmatch(str(raw).strip().lower())
    if match is None:
        raise ValueError(f"{raw!r} is no size; one is like 512m or 4g")
    return Bytes(float(match[1] or match[3]) * 1024 ** _POWERS[match[2] or ""])


def show_bytes(size: float) -> str:
    """Write a size for people: ``1.5 GiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"
