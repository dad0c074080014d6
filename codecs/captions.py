"""Captions: grouped from word times, written and read as SRT and WebVTT.

WebVTT as in https://www.w3.org/TR/webvtt1/; SRT, which has no standard, as common players read it. Times are kept to
the millisecond. Positions, styles and speakers are not kept.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from .errors import BrokenMedia
from .markup import CLOSERS, STOPS, UNSPACED
from .words import TimedWord

_NEWLINE: Final = re.compile(r"\r\n|\r|\n")
_SRT_TIMES: Final = re.compile(
    r"\s*(\d{1,4}):(\d{1,2}):(\d{1,2})[,.](\d{1,3})\s*-->\s*(\d{1,4}):(\d{1,2}):(\d{1,2})[,.](\d{1,3})"
)
_VTT_TIMES: Final = re.compile(
    r"[ \t]*(?:(\d{2,4}):)?(\d\d):(\d\d)\.(\d{3})[ \t]*-->[ \t]*(?:(\d{2,4}):)?(\d\d):(\d\d)\.(\d{3})(?=[ \t]|$)"
)
_VTT_HEADER: Final = re.compile(r"WEBVTT(?:[ \t]|$)")
_VTT_OTHER: Final = re.compile(r"(?:NOTE|STYLE|REGION)(?:[ \t]|$)")
_VTT_TAG: Final = re.compile(r"<[^>]*>")
_UNSPACED: Final = re.compile(f"[{UNSPACED}]")


class Caption(msgspec.Struct, frozen=True, gc=False):
    """Text and when it is shown."""

    start: float
    """In seconds."""
    end: float
    """In seconds."""
    text: str
    """One or more lines."""


def captions(
    words: Iterable[TimedWord], *, width: int = 42, lines: int = 2, duration: float = 7.0, gap: float = 1.0
) -> list[Caption]:
    """Group words with times into captions.

    A caption ends where it is full, where a sentence ends after its first half line, and where there is a pause.

    Args:
        words: in order.
        width: columns of a line; East Asian characters take two. A longer word has a line of its own.
        lines: most lines of a caption.
        duration: longest time in seconds, unless one word takes longer.
        gap: a pause of so many seconds ends a caption.
    """
    result: list[Caption] = []
    group: list[TimedWord] = []
    for word in words:
        if group and _ends_before(word, group, width, lines, duration, gap):
            result.append(_caption(group, width))
            group = []
        group.append(word)
    if group:
        result.append(_caption(group, width))
    return result


def _ends_before(
    word: TimedWord, group: Sequence[TimedWord], width: int, lines: int, duration: float, gap: float
) -> bool:
    last = group[-1]
    sentence_ends = last.text.rstrip(CLOSERS).endswith(tuple(STOPS))
    return (
        word.start - last.end >= gap
        or word.end - group[0].start > duration
        or len(_wrap([*group, word], width)) > lines
        or (sentence_ends and sum(_columns(each.text) for each in group) >= width // 2)
    )


def _caption(group: Sequence[TimedWord], width: int) -> Caption:
    return Caption(group[0].start, group[-1].end, "\n".join(_wrap(group, width)))


def _wrap(words: Iterable[TimedWord], width: int) -> list[str]:
    lines = [""]
    for text in filter(None, (word.text.strip() for word in words)):
        tight = not lines[-1] or (_UNSPACED.match(lines[-1][-1]) and _UNSPACED.match(text))
        joined = lines[-1] + ("" if tight else " ") + text
        if not lines[-1] or _columns(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(text)
    return lines


def _columns(text: str) -> int:
    return len(text) + sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)


def to_srt(captions: Iterable[Caption]) -> str:
    """Write captions as SRT. Empty lines inside a caption are left out, as they would end it."""
    blocks = (
        f"{number}\n{_time(caption.start, ',')} --> {_time(caption.end, ',')}\n{_shown(caption.text)}\n"
        for number, caption in enumerate(captions, 1)
    )
    return "\n".join(blocks)


def to_webvtt(captions: Iterable[Caption]) -> str:
    """Write captions as WebVTT. Empty lines inside a caption are left out, as they would end it."""
    blocks = (
        f"{_time(caption.start, '.')} --> {_time(caption.end, '.')}\n{html.escape(_shown(caption.text), quote=False)}\n"
        for caption in captions
    )
    return "\n".join(["WEBVTT\n", *blocks])


def from_srt(text: str) -> list[Caption]:
    """Read SRT. Text after an empty line inside a caption is taken as its continuation, as players do.

    Raises:
        BrokenMedia: if the text does not begin with a caption.
    """
    result: list[Caption] = []
    for first_line, block in _blocks(text):
        for place in range(min(2, len(block))):  # the number before the times may be missing
            times = _SRT_TIMES.match(block[place])
            if times:
                start, end = _seconds(times.groups())
                result.append(Caption(start, end, "\n".join(block[place + 1 :])))
                break
        else:
            if not result:
                raise BrokenMedia(f"not SRT: there are no times in line {first_line} or the next")
            last = result[-1]
            result[-1] = Caption(last.start, last.end, "\n".join([last.text, *block]))
    return result


def from_webvtt(text: str) -> list[Caption]:
    """Read WebVTT. Tags are left out; as the standard asks, cues without proper times are too.

    Raises:
        BrokenMedia: if the text does not begin with ``WEBVTT``.
    """
    lines = _NEWLINE.split(text.removeprefix("\ufeff"))
    if not _VTT_HEADER.match(lines[0]):
        raise BrokenMedia("not WebVTT: the first line is not WEBVTT")
    result: list[Caption] = []
    for _, block in _blocks("\n".join(lines[1:])):
        if _VTT_OTHER.match(block[0]):
            continue
        for place in range(min(2, len(block))):  # an identifier may come before the times
            times = _VTT_TIMES.match(block[place])
            if times:
                start, end = _seconds(times.groups())
                result.append(Caption(start, end, html.unescape(_VTT_TAG.sub("", "\n".join(block[place + 1 :])))))
                break
    return result


def _blocks(text: str) -> Iterable[tuple[int, list[str]]]:
    """Yield the blocks between empty lines, each with the number of its first line."""
    block: list[str] = []
    for number, line in enumerate([*_NEWLINE.split(text.removeprefix("\ufeff")), ""], 1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _shown(text: str) -> str:
    return "\n".join(line for line in _NEWLINE.split(text) if line.strip())


def _time(seconds: float, point: str) -> str:
    total, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{total // 3600:02}:{total // 60 % 60:02}:{total % 60:02}{point}{milliseconds:03}"


def _seconds(parts: Sequence[Any]) -> tuple[float, float]:
    """Turn the eight groups of a line of times into two times in seconds; hours may be missing (None)."""
    times: list[float] = []
    for hours, minutes, seconds, fraction in (parts[:4], parts[4:]):
        whole = int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds)
        times.append((whole * 1000 + int(fraction.ljust(3, "0"))) / 1000)
    return times[0], times[1]
