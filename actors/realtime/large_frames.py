"""Long recordings in one event, decoded without keeping Python's lock for long: others run in the same process.

The decoder of a whole frame keeps the lock from its first byte to its last, 15 ms for 15 MiB of audio. Here the audio
is taken out of the frame and decoded in slices; in a thread, those who wait for the lock get it after each of them.
"""

import re
from binascii import Error, a2b_base64
from typing import Final

from msgspec.structs import replace

from .client_events import ClientEvent, InputAudioBufferAppend
from .decoding import decode_client_event
from .errors import ClientMistake
from .names import Dialect

SLICE: Final = 256 * 1024
"""Characters of base64 that are decoded at a time, a fifth of a millisecond's work."""
_PROLOGUE: Final = 4096
"""Characters in front of the audio: there are a type, an id, and their names."""
_AUDIO: Final = re.compile(r'"audio"\s*:\s*"')


def decode_large_frame(frame: str, dialect: Dialect = Dialect.GA) -> ClientEvent:
    """Return the event in a text frame, exactly as `decode_client_event` does.

    Raises:
        ClientMistake: the frame is no event of this protocol.
    """
    event = _recording(frame, dialect)
    return decode_client_event(frame, dialect) if event is None else event


def _recording(frame: str, dialect: Dialect) -> ClientEvent | None:
    """Return the event if it is audio to append, written as usual, with nothing wrong in it."""
    begin = _AUDIO.search(frame, 0, _PROLOGUE)
    if begin is None or (end := frame.find('"', begin.end())) < 0 or _AUDIO.search(frame, end) is not None:
        return None
    try:
        event = decode_client_event(frame[: begin.end()] + frame[end:], dialect)
    except ClientMistake:  # what it is depends on the whole
        return None
    if not isinstance(event, InputAudioBufferAppend) or event.audio:
        return None
    audio = _decoded(frame, begin.end(), end)
    return None if audio is None else replace(event, audio=audio)


def _decoded(frame: str, begin: int, end: int) -> bytes | None:
    """Decode base64 that stands there and nowhere has padding but at its end; None if it is none."""
    parts: list[bytes] = []
    try:
        for start in range(begin, end, SLICE):
            stop = min(start + SLICE, end)
            part = a2b_base64(frame[start:stop], strict_mode=True)
            if stop < end and len(part) * 4 != SLICE * 3:
                return None
            parts.append(part)
    except (Error, ValueError):  # an escaped character, or what is no base64: the other decoder knows what to say
        return None
    return b"".join(parts)
