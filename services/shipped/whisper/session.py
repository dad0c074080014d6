"""A transcription session of OpenAI's realtime protocol, without I/O.

The client sends audio and commits each turn; deltas come while it speaks, `completed` after the commit. Turns are the
client's to detect: whoever streams speech detects them anyway, and a second opinion here would only differ.
"""

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections import deque
from itertools import count
from secrets import token_hex
from typing import Any, Final

import numpy as np
from msgspec import UNSET, Struct
from numpy.typing import NDArray

from .client_events import ClientEvent, Mistake, Pcm, SessionUpdate, decode_event
from .engine import Segment, Task
from .languages import LANGUAGES
from .settings import Settings
from .turn import Turn

SHORTEST_COMMIT: Final = 0.1
"""Seconds of audio below which a turn is none."""
PROMPT: Final = 200
"""Characters of forgotten text that are told to the engine."""
RATES: Final = (8_000, 48_000)
"""The least and the greatest rate of audio. OpenAI takes 24000 only, which is the default here, too."""

Event = dict[str, Any]


class Job(Struct, frozen=True):
    """Something for the engine to do."""

    turn: Turn
    audio: NDArray[np.float32]
    task: Task
    final: bool
    """Whether this is all of the turn."""


class Session:
    """One connection: `receive` takes the client's events, `job` and `done` are the engine's side of it."""

    def __init__(self, model: str, settings: Settings) -> None:
        self._model = model
        self._settings = settings
        self._events = count(1)
        self._items = count(1)
        self._language: str | None = None
        self._prompt: str | None = None
        self._rate = Pcm().rate
        self._spare = b""  # half a sample
        self._turn: Turn | None = None
        self._committed: deque[Turn] = deque()
        self._last_item: str | None = None
        self._id = f"sess_{token_hex(8)}"

    # -- the client's side ---------------------------------------------------------------------------------------------

    def begin(self) -> Event:
        """Return the first event."""
        return self._event("session.created", session=self._session())

    def receive(self, message: str | bytes) -> list[Event]:
        """Take a message; return what is to be answered at once."""
        event_id: str | None = None
        try:
            event = decode_event(message)
            event_id = event.event_id
            return self._take(event)
        except Mistake as mistake:
            return [self._error(mistake, event_id)]

    def _take(self, event: ClientEvent) -> list[Event]:
        match event.type:
            case "input_audio_buffer.append":
                self._append(event.audio)
                return []
            case "input_audio_buffer.commit":
                return self._commit()
            case "input_audio_buffer.clear":
                self._turn, self._spare = None, b""
                return [self._event("input_audio_buffer.cleared")]
            case "session.update" | "transcription_session.update":
                self._update(event.session)
                return [self._event("session.updated", session=self._session())]
            case _:
                known = "session.update, input_audio_buffer.append, .commit and .clear"
                raise Mistake(f"A transcription session takes {known}.", code="invalid_value", param="type")

    def _append(self, encoded: str) -> None:
        try:
            data = self._spare + a2b_base64(encoded, strict_mode=True)
        except (Base64Error, ValueError):
            raise Mistake("The audio is not base64.", code="invalid_value", param="audio") from None
        whole = len(data) // 2 * 2
        waiting = sum(turn.unheard for turn in (*self._committed, self._turn) if turn is not None)
        if waiting + whole / 2 / self._rate > self._settings.longest_turn:
            limit = f"At most {self._settings.longest_turn:g} s of audio may wait to be heard; commit, or send later."
            raise Mistake(limit, code="input_audio_buffer_full")
        self._spare = data[whole:]
        if self._turn is None:
            self._turn = Turn(next(self._items), self._rate)
        self._turn.push(np.frombuffer(data[:whole], "<i2"))

    def _commit(self) -> list[Event]:
        turn, self._spare = self._turn, b""
        if turn is None or turn.seconds < SHORTEST_COMMIT:
            has = 0.0 if turn is None else 1000 * turn.seconds
            least = f"at least {1000 * SHORTEST_COMMIT:.0f} ms"
            raise Mistake(
                f"The buffer has {has:.0f} ms of audio; a turn needs {least}.", code="input_audio_buffer_commit_empty"
            )
        turn.commit()
        self._turn = None
        self._committed.append(turn)
        previous, self._last_item = self._last_item, turn.item_id
        item = {
            "id": turn.item_id,
            "object": "realtime.item",
            "type": "message",
            "status": "completed",
            "role": "user",
            "content": [{"type": "input_audio", "transcript": None}],
        }
        return [
            self._event("input_audio_buffer.committed", item_id=turn.item_id, previous_item_id=previous),
            self._event("conversation.item.added", item=item, previous_item_id=previous),
            self._event("conversation.item.done", item=item, previous_item_id=previous),
        ]

    def _update(self, update: SessionUpdate | None) -> None:
        """Take all of an update, or nothing."""
        if update is None or update.type not in {"", "transcription"}:
            raise Mistake(
                "This is a session of the type transcription.", code="invalid_parameter", param="session.type"
            )
        given = update.audio.input
        if given.turn_detection:
            raise Mistake(
                "Turns are not detected here: set turn_detection to null, and commit each turn.",
                code="invalid_value",
                param="session.audio.input.turn_detection",
            )
        rate, language, prompt = self._rate, self._language, self._prompt
        if given.format is not UNSET:
            rate = given.format.rate
            if not RATES[0] <= rate <= RATES[1]:
                where = "session.audio.input.format.rate"
                raise Mistake(f"The rate is from {RATES[0]} to {RATES[1]} Hz.", code="invalid_value", param=where)
        if given.transcription is not UNSET:
            language = language if given.transcription.language is UNSET else given.transcription.language or None
            prompt = prompt if given.transcription.prompt is UNSET else given.transcription.prompt or None
            if language is not None and language not in LANGUAGES:
                where = "session.audio.input.transcription.language"
                raise Mistake("The language is an ISO 639-1 code, such as en.", code="invalid_value", param=where)
        self._rate, self._language, self._prompt = rate, language, prompt

    def _session(self) -> Event:
        return {
            "type": "transcription",
            "id": self._id,
            "object": "realtime.transcription_session",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": self._rate},
                    "transcription": {"model": self._model, "language": self._language, "prompt": self._prompt},
                    "noise_reduction": None,
                    "turn_detection": None,
                }
            },
        }

    # -- the engine's side ---------------------------------------------------------------------------------------------

    def job(self, *, idle: bool) -> Job | None:
        """Return what the engine is to do next, if anything: the oldest turn that is committed, else the one spoken.

        Args:
            idle: Whether the engine has nothing better to do than to look at a turn that is still being spoken.
        """
        if self._committed:
            turn = self._committed[0]
        elif self._turn is not None and idle and self._turn.unheard >= self._settings.step:
            turn = self._turn
        else:
            return None
        prompt = " ".join(part for part in (self._prompt, turn.agreement.forgotten[-PROMPT:]) if part)
        return Job(turn, turn.hear(), Task(language=self._language, prompt=prompt or None, words=True), turn.committed)

    def done(self, job: Job, segments: list[Segment]) -> list[Event]:
        """Take what the engine has heard; return what to tell the client."""
        turn = job.turn
        words = [word for segment in segments for word in segment.words]
        if not job.final:
            if turn is not self._turn and turn not in self._committed:  # it was cleared meanwhile
                return []
            text = turn.agreement.push(words) + turn.shorten()
            return [self._delta(turn, text)] if text else []
        self._committed.popleft()
        rest, text = turn.agreement.finish(words)
        news = [self._delta(turn, rest)] if rest else []
        usage = {"type": "duration", "seconds": round(turn.seconds, 3)}
        name = "conversation.item.input_audio_transcription.completed"
        return [*news, self._event(name, item_id=turn.item_id, content_index=0, transcript=text, usage=usage)]

    def failed(self, job: Job) -> list[Event]:
        """Take note that the engine could not do a job; return what to tell the client."""
        if not job.final:
            return []  # it will be heard once more
        self._committed.popleft()
        error = {"type": "server_error", "code": "engine_failed", "message": "The engine failed."}
        name = "conversation.item.input_audio_transcription.failed"
        return [self._event(name, item_id=job.turn.item_id, content_index=0, error=error)]

    def _delta(self, turn: Turn, text: str) -> Event:
        name = "conversation.item.input_audio_transcription.delta"
        return self._event(name, item_id=turn.item_id, content_index=0, delta=text)

    def _error(self, mistake: Mistake, event_id: str | None) -> Event:
        error = {
            "type": "invalid_request_error",
            "code": mistake.code,
            "message": mistake.message,
            "param": mistake.param,
            "event_id": event_id,
        }
        return self._event("error", error=error)

    def _event(self, kind: str, **members: Any) -> Event:
        return {"type": kind, "event_id": f"event_{next(self._events):06d}", **members}
