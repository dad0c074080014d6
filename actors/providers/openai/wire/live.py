"""Live transcription: what is said to a realtime transcription session, and understood of what it says.

The API is OpenAI's (https://platform.openai.com/docs/guides/realtime-transcription). Turns are not detected there: an
utterance is what the caller says it is, and it is committed at its end.
"""

import base64
from collections.abc import Iterable
from typing import Any, ClassVar, Final, cast

import msgspec
import numpy as np
from msgspec import Struct

from .....codecs.resample import Resampler
from ....contracts import Transcribe, Transcript
from ....decoding import decoded
from ....http_errors import complained

PATH: Final = "/realtime?intent=transcription"
RATE: Final = 24_000
"""Of the audio, in Hz; there is no other one."""
_TOO_LITTLE: Final = "input_audio_buffer_commit_empty"
"""How it is said at the end that there was too little to be heard."""
_TRANSCRIPTION: Final = "conversation.item.input_audio_transcription."


class _Event(Struct):
    type: str = ""
    delta: str = ""
    transcript: str = ""
    error: Any = None


_decode: Final = msgspec.json.Decoder(_Event).decode


class LiveHearing:
    """One utterance over one WebSocket; see `troupe.actors.recognition.Hearing`."""

    greeted: ClassVar[bool] = True
    keep_alive: ClassVar[str | None] = None

    def __init__(self, provider: str, request: Transcribe, model: str) -> None:
        self._provider = provider
        self._request = request
        self._model = request.model or model
        self._resampler = Resampler(request.rate, RATE) if request.rate != RATE else None
        self._text = ""
        self.done = False
        """Whether the last message has come."""

    def opening(self) -> str:
        """Return the message that says how to listen; it comes first."""
        transcription: dict[str, str] = {"model": self._model}
        if self._request.language:
            transcription["language"] = self._request.language
        if self._request.prompt:
            transcription["prompt"] = self._request.prompt
        heard: dict[str, Any] = {
            "format": {"type": "audio/pcm", "rate": RATE},
            "transcription": transcription,
            "turn_detection": None,
        }
        return _said("session.update", session={"type": "transcription", "audio": {"input": heard}})

    def audio(self, pcm: bytes) -> str:
        """See `Hearing.audio`."""
        if self._resampler is not None:
            pcm = self._resampler.push(np.frombuffer(pcm, "<i2")).tobytes()
        return _appended(pcm)

    def end(self) -> Iterable[str]:
        """See `Hearing.end`."""
        if self._resampler is not None:
            yield _appended(self._resampler.finish().tobytes())
        yield _said("input_audio_buffer.commit")

    def push(self, message: str | bytes) -> str | None:
        """See `Hearing.push`; kinds that are not known say nothing."""
        event = decoded(_decode, message.encode() if isinstance(message, str) else message, self._provider)
        match event.type.removeprefix(_TRANSCRIPTION):
            case "delta" if event.delta:
                self._text += event.delta
                return self._text
            case "completed":
                self._text = event.transcript
                self.done = True
            case "failed":
                raise complained(self._provider, event.error)
            case "error":
                if _code(event.error) != _TOO_LITTLE:
                    raise complained(self._provider, event.error)
                self.done = True
            case _:
                pass
        return None

    def result(self, seconds: float) -> Transcript:
        """See `Hearing.result`."""
        return Transcript(self._text.strip(), final=True)


def _code(error: Any) -> Any:
    return cast("dict[str, Any]", error).get("code") if isinstance(error, dict) else None


def _appended(pcm: bytes) -> str:
    return _said("input_audio_buffer.append", audio=base64.b64encode(pcm).decode())


def _said(kind: str, **members: Any) -> str:
    return msgspec.json.encode({"type": kind, **members}).decode()
