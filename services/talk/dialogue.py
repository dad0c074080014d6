"""One side of a conversation over the OpenAI Realtime protocol, without input or output.

`Dialogue` takes the server's events and says what to show, to play and to answer; it works with any server that speaks
the protocol. Times are seconds of any clock that only goes forward.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

RATE: Final = 24_000
"""Samples per second, both ways."""


class Said(Struct, frozen=True):
    """Words, to be shown."""

    who: str
    """``you`` or ``troupe``."""
    text: str
    """What is new."""


class LineEnds(Struct, frozen=True):
    """Somebody's line is complete."""

    cut: bool = False
    """Whether it was cut off."""


class Play(Struct, frozen=True):
    """Audio, to be played after what is still waiting: mono s16le at `RATE`."""

    pcm: bytes


class Silence(Struct, frozen=True):
    """The user speaks: forget what is waiting to be played, and call `Dialogue.silenced`."""


class Latency(Struct, frozen=True, kw_only=True):
    """Where the time of a turn went, in seconds from the end of speech, or of typing."""

    transcript: float | None
    token: float | None
    audio: float | None


class TurnEnds(Struct, frozen=True):
    """The answer is complete, as far as the server is concerned."""

    status: str
    """``completed``, ``cancelled``, ``incomplete`` or ``failed``."""


class Trouble(Struct, frozen=True):
    """The server has not accepted something, or could not answer."""

    text: str


Step = Said | LineEnds | Play | Silence | Latency | TurnEnds | Trouble


class Dialogue:
    """What to do about each event.

    Args:
        spoken: Whether answers are to be spoken, or written.
    """

    def __init__(self, *, spoken: bool) -> None:
        self._spoken = spoken
        self._who = ""
        self._written: dict[str, str] = {}
        """What was shown of each item of the user."""
        self._item = ""
        self._stale: set[str] = set()
        self._response = ""
        self._asked: float | None = None
        self._transcript: float | None = None
        self._token: float | None = None
        self._audio: float | None = None

    @property
    def busy(self) -> bool:
        """Whether something was asked that is not answered yet."""
        return self._asked is not None or bool(self._response)

    def opening(self, *, instructions: str = "", language: str = "", voice: str = "") -> str:
        """Return the event that sets the session up."""
        transcription = {"model": "default", **({"language": language} if language else {})}
        audio: dict[str, Any] = {"input": {"transcription": transcription}}
        if voice:
            audio["output"] = {"voice": voice}
        session: dict[str, Any] = {
            "type": "realtime",
            "output_modalities": ["audio" if self._spoken else "text"],
            "audio": audio,
        }
        if instructions:
            session["instructions"] = instructions
        return json.dumps({"type": "session.update", "session": session})

    @staticmethod
    def append(pcm: bytes) -> str:
        """Return the event that says some more of what the user says: mono s16le at `RATE`."""
        return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(pcm).decode()})

    def type(self, text: str, now: float) -> list[str]:
        """Return the events that put a typed line to the server."""
        self._ask(now)
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}
        return [
            json.dumps({"type": "conversation.item.create", "item": item}),
            json.dumps({"type": "response.create"}),
        ]

    def silenced(self, played: int) -> list[str]:
        """Return the events that tell how much of the answer was heard.

        Args:
            played: samples of the answer's audio.
        """
        if not self._item:
            return []
        item, self._item = self._item, ""
        heard = {"item_id": item, "content_index": 0, "audio_end_ms": played * 1000 // RATE}
        return [json.dumps({"type": "conversation.item.truncate", **heard})]

    def receive(self, message: str | bytes, now: float) -> Iterator[Step]:
        """Take an event of the server.

        Raises:
            ValueError: It is none.
        """
        event = json.loads(message)
        match event["type"]:
            case "input_audio_buffer.speech_started":
                if self._response:
                    self._stale.add(self._response)
                yield from self._end_line(cut=bool(self._response))
                yield Silence()
            case "input_audio_buffer.speech_stopped":
                self._ask(now)
            case "conversation.item.input_audio_transcription.delta":
                yield from self._hear(event["item_id"], event["delta"])
            case "conversation.item.input_audio_transcription.completed":
                self._transcript = self._transcript or self._since(now)
                written = self._written.pop(event["item_id"], "")
                if event["transcript"].startswith(written):
                    yield from self._say("you", event["transcript"][len(written) :])
                else:  # what was shown has turned out otherwise
                    yield from self._end_line()
                    yield from self._say("you", event["transcript"])
                yield from self._end_line()
            case "response.created":
                self._response = event["response"]["id"]
            case "response.output_audio_transcript.delta" | "response.output_text.delta":
                if event["response_id"] not in self._stale:
                    self._token = self._token or self._since(now)
                    yield from self._say("troupe", event["delta"])
            case "response.output_audio.delta":
                if event["response_id"] not in self._stale:
                    self._audio = self._audio or self._since(now)
                    self._item = event["item_id"]
                    yield Play(base64.b64decode(event["delta"]))
            case "response.done":
                yield from self._done(event["response"])
            case "error":
                yield Trouble(event["error"]["message"])
            case _:
                pass

    def _done(self, response: dict[str, Any]) -> Iterator[Step]:
        if self._response == response["id"]:
            self._response = ""
        if self._who == "troupe":
            yield from self._end_line(cut=response["status"] == "cancelled")
        if response["status"] == "failed":
            details: dict[str, Any] = response.get("status_details") or {}
            error: dict[str, str] = details.get("error") or {}
            yield Trouble(error.get("message", "This turn could not be answered."))
        if self._asked is not None:
            yield Latency(transcript=self._transcript, token=self._token, audio=self._audio)
            self._asked = None
        yield TurnEnds(response["status"])

    def _ask(self, now: float) -> None:
        self._asked = now
        self._transcript = self._token = self._audio = None

    def _since(self, now: float) -> float | None:
        return None if self._asked is None else now - self._asked

    def _hear(self, item: str, delta: str) -> Iterator[Step]:
        self._written[item] = self._written.get(item, "") + delta
        yield from self._say("you", delta)

    def _say(self, who: str, text: str) -> Iterator[Step]:
        if self._who not in ("", who):
            yield from self._end_line()
        if text:
            self._who = who
            yield Said(who, text)

    def _end_line(self, *, cut: bool = False) -> Iterator[Step]:
        if self._who:
            self._who = ""
            yield LineEnds(cut)
