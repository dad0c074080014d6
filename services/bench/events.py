"""What the clients of a load send, as frames that are made before the run."""

import base64
from typing import Any, Final

import msgspec
from msgspec import Struct

from ..talk.dialogue import RATE
from .frames import frame


class Setup(Struct, frozen=True, kw_only=True):
    """How sessions are to be."""

    answers: bool = True
    """Whether the server answers what was said, and stops when it is interrupted."""
    asks: bool = False
    """Whether the session asks for an answer as soon as there is none."""
    silence: float = 0.5
    """Seconds of silence that end a turn."""
    transcription: str = "default"
    """The model that writes down what the user says; none if empty."""
    instructions: str = ""

    def update(self) -> dict[str, Any]:
        """Return the ``session.update``."""
        detection = {
            "type": "server_vad",
            "silence_duration_ms": round(1000 * self.silence),
            "create_response": self.answers,
            "interrupt_response": self.answers,
        }
        heard: dict[str, Any] = {"format": {"type": "audio/pcm", "rate": RATE}, "turn_detection": detection}
        if self.transcription:
            heard["transcription"] = {"model": self.transcription}
        session: dict[str, Any] = {"type": "realtime", "output_modalities": ["audio"], "audio": {"input": heard}}
        if self.instructions:
            session["instructions"] = self.instructions
        return {"type": "session.update", "session": session}


def event(**members: Any) -> bytes:
    """Return the frame of a client event."""
    return frame(msgspec.json.encode(members))


def append(pcm: bytes) -> bytes:
    """Return the frame that says some more of what the user says: mono s16le at `RATE`."""
    return event(type="input_audio_buffer.append", audio=base64.b64encode(pcm).decode())


RESPOND: Final = event(type="response.create")
PROBE: Final = event(type="conversation.item.retrieve", item_id="nowhere", event_id="probe")
"""Asks for what is not there: every server answers that at once, and with an error."""
