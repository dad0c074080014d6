"""Formats, recognised by content alone: names and declared types lie.

`FORMATS` is the table. `identify` looks at the first bytes with bounded, hand-written parsers: libav never guesses, and
never sees a file whose format is not in the table. Playlists, session descriptions and other files that make a player
open further files or sockets are recognised in order to be refused.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .demux.headers import FrameHeader, adts_header, id3_size, mp3_header
from .errors import RefusedFormat
from .source import Source

HEAD = 64 * 1024
"""How many of the first bytes are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Format:
    """A file format.

    Attributes:
        name: short and unique, such as ``mp4``.
        title: for people, such as ``MP4``.
        types: kind → MIME type, richest kind first. A container that can be ``video`` or ``audio`` lists both; which
            of them a file is, its streams tell.
        extensions: customary file name extensions, without the dot, the preferred one first.
        demuxer: the one libav demuxer that may open it; None if libav never does.
        matches: whether the head of a file (its first `HEAD` bytes, or all of a shorter one) is of this format.
    """

    name: str
    title: str
    types: Mapping[str, str]
    extensions: tuple[str, ...]
    demuxer: str | None = None
    matches: Callable[[bytes], bool] = field(repr=False)


def _starts(*parts: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(parts)


def _riff(form: bytes, *chunks: bytes) -> Callable[[bytes], bool]:
    """Match RIFF (or its 64-bit forms) by the form type behind the size."""
    return lambda head: head.startswith((b"RIFF", *chunks)) and head[8:12] == form


def _brand(*brands: bytes) -> Callable[[bytes], bool]:
    """Match ISO base media by its major brand (ISO/IEC 14496-12, 4.3)."""
    return lambda head: head[4:8] == b"ftyp" and head.startswith(brands, 8)


def _quicktime(head: bytes) -> bool:
    """Match QuickTime by its brand, or old QuickTime, which has no ``ftyp``, by its first atom."""
    return _brand(b"qt  ")(head) or head[4:8] in {b"moov", b"mdat", b"wide", b"skip", b"pnot"}


_EBML_SIZE = (  # one to eight bytes, as many as the position of the first set bit says
    rb"(?:[\x80-\xff]|[\x40-\x7f].|[\x20-\x3f].{2}|[\x10-\x1f].{3}"
    rb"|[\x08-\x0f].{4}|[\x04-\x07].{5}|[\x02\x03].{6}|\x01.{7})"
)


def _ebml(doc_type: bytes) -> Callable[[bytes], bool]:
    """Match EBML (RFC 8794) by its element DocType, 0x4282."""
    pattern = re.compile(rb"\x1a\x45\xdf\xa3.{1,200}?\x42\x82" + _EBML_SIZE + doc_type, re.DOTALL)
    return lambda head: pattern.match(head) is not None


def _bmp(head: bytes) -> bool:
    """Match ``BM`` with a known size of the second header: two letters alone would match prose."""
    return head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in {12, 40, 52, 56, 64, 108, 124}


def _frames_in_a_row(head: bytes, at: int, header: Callable[[bytes, int], FrameHeader | None]) -> int:
    """Count frames that follow each other from `at`, up to 3; one that the head's end cuts counts as the third."""
    for count in range(3):
        frame = header(head, at)
        if frame is None:
            return count
        at += frame.size
        if at >= len(head):
            return 3
    return 3


def _adts(head: bytes) -> bool:
    return _frames_in_a_row(head, id3_size(head), adts_header) == 3


def _mp3(head: bytes) -> bool:
    """Match frames from the start, behind an ID3 tag, or behind the rest of a cut frame."""
    start = id3_size(head)
    if start >= len(head):
        return start > 0  # a tag with a large picture; `identify` looks behind it
    if _frames_in_a_row(head, start, mp3_header) == 3:
        return True
    at = head.find(b"\xff", start, start + 4096)
    while at >= 0:
        if at + 2 * 1441 < len(head) and _frames_in_a_row(head, at, mp3_header) == 3:
            return True
        at = head.find(b"\xff", at + 1, start + 4096)
    return False


_BOM = b"\xef\xbb\xbf"
_CONTROL = bytes({*range(0x20)} - set(b"\t\n\f\r\x1b")) + b"\x7f"


def _text(head: bytes) -> bool:
    """Match UTF-8 without control characters; a head of full size may end inside a character."""
    if head.translate(None, _CONTROL) != head:
        return False
    try:
        head.decode()
    except UnicodeDecodeError as error:
        return len(head) == HEAD and error.start > HEAD - 4
    return bool(head)


def _json(head: bytes) -> bool:
    """Match an object or array; one that is longer than the head is judged by its start."""
    start = head.removeprefix(_BOM).lstrip()
    if not start.startswith((b"{", b"[")) or not _text(head):
        return False
    if len(head) == HEAD:
        return re.match(rb'[\[{]\s*["\[{\d\-tfn]', start) is not None
    try:
        json.loads(head)
    except (ValueError, RecursionError):
        return False
    return True


def _types(subtype: str, *kinds: str) -> dict[str, str]:
    return {kind: f"{kind}/{subtype}" for kind in kinds}


DATA = Format(
    name="data",
    title="unrecognised data",
    types={"data": "application/octet-stream"},
    extensions=("bin",),
    matches=lambda _: True,
)

FORMATS: list[Format] = [
    Format(
        name="wav",
        title="WAV",
        types=_types("wav", "audio"),
        extensions=("wav",),
        demuxer="wav",
        matches=_riff(b"WAVE", b"RF64", b"BW64"),
    ),
    Format(
        name="flac",
        title="FLAC",
        types=_types("flac", "audio"),
        extensions=("flac",),
        demuxer="flac",
        matches=lambda head: head[id3_size(head) :].startswith(b"fLaC"),
    ),
    Format(
        name="ogg",
        title="Ogg",
        types=_types("ogg", "video", "audio"),
        extensions=("ogg", "oga", "opus", "ogv"),
        demuxer="ogg",
        matches=_starts(b"OggS\0"),
    ),
    Format(
        name="webm",
        title="WebM",
        types=_types("webm", "video", "audio"),
        extensions=("webm", "weba"),
        demuxer="matroska",
        matches=_ebml(b"webm"),
    ),
    Format(
        name="mkv",
        title="Matroska",
        types=_types("matroska", "video", "audio"),
        extensions=("mkv", "mka"),
        demuxer="matroska",
        matches=_ebml(b"matroska"),
    ),
    Format(
        name="mov",
        title="QuickTime",
        types={"video": "video/quicktime", "audio": "video/quicktime"},
        extensions=("mov", "qt"),
        demuxer="mov",
        matches=_quicktime,
    ),
    Format(
        name="3gp",
        title="3GPP",
        types=_types("3gpp", "video", "audio"),
        extensions=("3gp", "3g2"),
        demuxer="mov",
        matches=_brand(b"3gp", b"3g2", b"3gr", b"3gs", b"3ge", b"3gg"),
    ),
    Format(
        name="m4a",
        title="M4A",
        types=_types("mp4", "audio"),
        extensions=("m4a", "m4b"),
        demuxer="mov",
        matches=_brand(b"M4A ", b"M4B "),
    ),
    Format(
        name="mp4",
        title="MP4",
        types=_types("mp4", "video", "audio"),
        extensions=("mp4", "m4v"),
        demuxer="mov",
        matches=_brand(
            b"iso",
            b"mp4",
            b"M4V",
            b"avc1",
            b"dash",
            b"cmf",
            b"msdh",
            b"msnv",
            b"MSNV",
            b"f4v",
            b"F4V",
            b"mmp4",
            b"XAVC",
        ),
    ),
    Format(
        name="avi",
        title="AVI",
        types={"video": "video/vnd.avi", "audio": "video/vnd.avi"},
        extensions=("avi",),
        demuxer="avi",
        matches=_riff(b"AVI "),
    ),
    Format(
        name="aac",
        title="AAC (ADTS)",
        types=_types("aac", "audio"),
        extensions=("aac",),
        demuxer="aac",
        matches=_adts,
    ),
    Format(
        name="png",
        title="PNG",
        types=_types("png", "image"),
        extensions=("png",),
        demuxer="png_pipe",
        matches=_starts(b"\x89PNG\r\n\x1a\n"),
    ),
    Format(
        name="jpeg",
        title="JPEG",
        types=_types("jpeg", "image"),
        extensions=("jpg", "jpeg"),
        demuxer="jpeg_pipe",
        matches=_starts(b"\xff\xd8\xff"),
    ),
    Format(
        name="gif",
        title="GIF",
        types=_types("gif", "image"),
        extensions=("gif",),
        demuxer="gif",
        matches=_starts(b"GIF87a", b"GIF89a"),
    ),
    Format(
        name="webp",
        title="WebP",
        types=_types("webp", "image"),
        extensions=("webp",),
        demuxer="webp_pipe",
        matches=_riff(b"WEBP"),
    ),
    Format(
        name="bmp",
        title="BMP",
        types=_types("bmp", "image"),
        extensions=("bmp",),
        demuxer="bmp_pipe",
        matches=_bmp,
    ),
    Format(
        name="json",
        title="JSON",
        types={"text": "application/json"},
        extensions=("json",),
        matches=_json,
    ),
    Format(
        name="text",
        title="text",
        types={"text": "text/plain"},
        extensions=("txt", "md"),
        matches=_text,
    ),
    Format(  # last of those that libav opens: its signature is the weakest
        name="mp3",
        title="MP3",
        types=_types("mpeg", "audio"),
        extensions=("mp3",),
        demuxer="mp3",
        matches=_mp3,
    ),
]
"""All formats, in the order in which they are tried. `register` adds to it."""

# Atomic groups: with plain ones a file of many processing instructions takes exponential time.
_XML_PROLOGUE = rb"(?>(?:<\?(?>.*?\?>)\s*+|<!--(?>.*?-->)\s*+|<!DOCTYPE[^>]*+>\s*+)*+)"
_REFUSED = tuple(
    (re.compile(pattern, re.DOTALL | re.IGNORECASE), title)
    for pattern, title in (
        (rb"#EXTM3U", "an HLS or M3U playlist"),
        (rb"ffconcat\s+version", "an ffconcat list"),
        (rb"v=0\r?\n(?>(?:[a-z]=[^\n]*\n)*?[osm]=)", "an SDP session description"),
        (rb"\[playlist\]", "a PLS playlist"),
        (rb"\[Reference\]", "an ASX playlist"),
        (rb"RTSPtext|SMILtext", "a QuickTime reference"),
        (_XML_PROLOGUE + rb"<(?:\w+:)?MPD[\s>]", "a DASH manifest"),
        (_XML_PROLOGUE + rb"<(?:asx|smil|playlist|SmoothStreamingMedia)[\s>]", "an XML playlist"),
        (rb"<\?(?:quicktime|wpl)\s", "an XML playlist"),
    )
)


def register(new: Format) -> None:
    """Add a format from outside. It is tried before the built-in ones, so `matches` must be strict.

    Raises:
        ValueError: if there is one of this name, or it asks for a libav demuxer: which demuxers may see untrusted
            bytes is decided here.
    """
    if any(new.name == known.name for known in FORMATS):
        raise ValueError(f"there is a format {new.name!r} already")
    if new.demuxer is not None:
        raise ValueError("a format from outside can't name a libav demuxer; bring your own decoder")
    FORMATS.insert(0, new)


def by_name(name: str) -> Format:
    """Look up a format by its name.

    Raises:
        KeyError: if there is none.
    """
    return {known.name: known for known in (*FORMATS, DATA)}[name]


def recognise(head: bytes) -> Format:
    """Return the format of a file that starts with `head` (`HEAD` bytes, or all of a shorter file); `DATA` if unknown.

    Raises:
        RefusedFormat: for playlists, session descriptions and the like.
    """
    start = head.removeprefix(_BOM).lstrip()
    for pattern, title in _REFUSED:
        if pattern.match(start):
            raise RefusedFormat(f"this is {title}, which names other files or addresses to open; it is not opened")
    return next((known for known in FORMATS if known.matches(head)), DATA)


def identify(source: Source) -> Format:
    """Return the format of a file, looking behind an ID3 tag of any size; `DATA` if unknown.

    Raises:
        RefusedFormat: for playlists, session descriptions and the like.
        OSError: if the file can't be read.
    """
    head = source.head(HEAD)
    tag = id3_size(head)
    return recognise(source.head(HEAD, tag) if tag >= len(head) > 0 and tag < source.size else head)
