"""What the user of a recorded session said: a real conversation as a workload."""

from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from ...actors.realtime.client_events import InputAudioBufferAppend
from ...actors.realtime.names import name_of
from ...actors.realtime.server_events import SessionUpdated
from ...actors.realtime.session_config import Session
from ...actors.voice.tape import MAGIC, Told, client_side, read_tape
from ...codecs.audio_format import AUDIO_FORMATS, AudioDecoder
from ...codecs.pcm import Int16
from ...codecs.resample import Resampler
from ..talk.dialogue import RATE

_updated: Final = msgspec.msgpack.Decoder(SessionUpdated)


def is_recorded_session(file: Path) -> bool:
    """Whether a file begins as the recording of a session does.

    Raises:
        OSError: It can't be read.
    """
    with file.open("rb") as opened:
        return opened.read(len(MAGIC)) == MAGIC


def said(file: Path) -> Int16:
    """Return all that the user of a recorded session sent, pauses included, mono at `RATE`.

    Raises:
        OSError: The file can't be read.
        NoTape: It is no recording of a session, or damaged.
    """
    recording = read_tape(file)
    told = [(record.at, _session(record.event)) for record in recording.records if isinstance(record, Told)]
    formats = [(recording.began.at, recording.began.session)]
    formats += [(at, session) for at, session in told if session is not None]
    parts: list[Int16] = []
    events = [(at, event) for at, event in client_side(recording) if isinstance(event, InputAudioBufferAppend)]
    for number, (begin, session) in enumerate(formats):
        end = formats[number + 1][0] if number + 1 < len(formats) else float("inf")
        parts.append(_heard(session, b"".join(event.audio for at, event in events if begin <= at < end)))
    return np.concatenate(parts)


def _session(told: msgspec.Raw) -> Session | None:
    """Return the configuration that a session was told to have from then on, if that is what it was told."""
    try:
        return _updated.decode(told).session
    except msgspec.ValidationError:  # it was told something else
        return None


def _heard(session: Session, audio: bytes) -> Int16:
    form = AUDIO_FORMATS[name_of(type(session.audio.input.format))]
    samples, resampler = AudioDecoder(form).push(audio), Resampler(form.rate, RATE)
    return np.concatenate([resampler.push(samples), resampler.finish()])
