"""Frame headers of the two elementary streams that have no container: MPEG audio layer III and AAC in ADTS."""

from typing import NamedTuple

MOST_GARBAGE = 1 << 18
"""Bytes without a frame after which a stream of frames is given up."""
MP3_HEADER = 4
ADTS_HEADER = 7
_MP3_RATES = (44100, 48000, 32000)
_MP3_KBITS = {  # by MPEG version: 1, and 2 or 2.5 (ISO/IEC 11172-3 and 13818-3)
    1: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_SIDE_INFO = {(1, 1): 17, (1, 2): 32, (2, 1): 9, (2, 2): 17}  # by version and channels
AAC_RATES = (96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350)
"""Sampling rates by their index (ISO/IEC 14496-3, table 1.18)."""


class FrameHeader(NamedTuple):
    """What a frame header says."""

    size: int
    """Bytes of the whole frame, header included."""
    samples: int
    """Per channel."""
    rate: int
    """In Hz."""
    channels: int
    """Zero where the header leaves it to the frame's content."""
    side_info: int
    """MP3: bytes of side information after the header (where a Xing tag is looked for)."""


def mp3_header(data: bytes, at: int = 0) -> FrameHeader | None:
    """Read the four header bytes of an MPEG-1, 2 or 2.5 layer III frame; None if they are none.

    Free-format frames, whose size no header tells, are not recognised.
    """
    head = data[at : at + MP3_HEADER]
    if len(head) < MP3_HEADER or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, kbits, rate = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or kbits in {0, 15} or rate == 3:
        return None
    generation = 1 if version == 3 else 2  # MPEG-2.5 differs from MPEG-2 in its rates alone
    hz = _MP3_RATES[rate] // {3: 1, 2: 2, 0: 4}[version]
    size = 144_000 // generation * _MP3_KBITS[generation][kbits - 1] // hz + (head[2] >> 1 & 1)
    channels = 1 if head[3] >> 6 == 3 else 2
    return FrameHeader(size, 1152 // generation, hz, channels, _MP3_SIDE_INFO[generation, channels])


def adts_header(data: bytes, at: int = 0) -> FrameHeader | None:
    """Read the seven header bytes of an ADTS frame (ISO/IEC 13818-7, 6.2); None if they are none."""
    head = data[at : at + ADTS_HEADER]
    if len(head) < ADTS_HEADER or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return None
    rate, channels = head[2] >> 2 & 15, (head[2] & 1) << 2 | head[3] >> 6
    size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if rate >= len(AAC_RATES) or size <= ADTS_HEADER:
        return None
    return FrameHeader(size, 1024 * ((head[6] & 3) + 1), AAC_RATES[rate], channels, 0)


def id3_size(head: bytes) -> int:
    """Bytes of the ID3v2 tag at the start, header and footer included; 0 if there is none (id3.org, 2.4.0 §3.1)."""
    if len(head) < 10 or head[:3] != b"ID3" or any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    return 10 + size + (10 if head[5] & 0x10 else 0)
