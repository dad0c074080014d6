"""What one session of a load sees of its server, without input or output.

It knows when its user speaks, takes the server's events with the time they came at, and takes down how long each thing
took. Times are seconds of any clock that only goes forward.
"""

from collections.abc import Callable
from typing import ClassVar, Final

import msgspec
from msgspec import Raw, Struct

from ..talk.dialogue import RATE
from .events import PROBE, RESPOND, Setup, event
from .measures import KEPT_TURNS, Seen
from .playback import Playback
from .results import Turn
from .script import Mark


class _Error(Struct, gc=False):
    type: str | None = None
    code: str | None = None
    message: str | None = None
    event_id: str | None = None


class _Details(Struct, gc=False):
    error: _Error | None = None


class _Response(Struct, gc=False):
    id: str = ""
    status: str | None = None
    status_details: _Details | None = None


class ServerEvent(Struct, gc=False):
    """What is looked at of an event; audio stays as it is."""

    type: str
    delta: Raw = Raw()
    item_id: str = ""
    response_id: str = ""
    response: _Response | None = None
    error: _Error | None = None


_decoder: Final = msgspec.json.Decoder(ServerEvent)


class _Turn:
    """A turn that has begun."""

    __slots__ = (
        "audio",
        "begun",
        "done",
        "ended",
        "failed",
        "heard",
        "interrupted",
        "noticed",
        "stopped",
        "token",
        "transcript",
    )

    def __init__(self, begun: float) -> None:
        self.begun = begun
        self.ended: float | None = None
        self.stopped: float | None = None
        self.transcript: float | None = None
        self.token: float | None = None
        self.audio: float | None = None
        self.done: float | None = None
        self.heard: float | None = None
        self.interrupted = False
        self.noticed = False
        self.failed = False


class Observer:
    """One session.

    Args:
        session: its number.
        seen: where values go.
        setup: how it is to be.
    """

    def __init__(self, session: int, seen: Seen, setup: Setup) -> None:
        self.ready = False
        """Whether the session has been set up."""
        self.refusal = ""
        """Why it could not be."""
        self._session = session
        self._seen = seen
        self._setup = setup
        self._connected = 0.0
        self._turn: _Turn | None = None
        self._turns: dict[str, _Turn | None] = {}
        """By the response that answers each; None for one that is not looked at."""
        self._items: dict[str, _Turn] = {}
        """By the item that each was heard as."""
        self._playback = Playback()
        self._playing = ""
        """The response."""
        self._item = ""
        self._stopped: float | None = None
        """When it was stopped."""
        self._last_audio = 0.0
        self._onset: float | None = None
        self._probed: float | None = None
        self._truncated: float | None = None

    def connect(self, took: float, now: float) -> None:
        """The connection is there."""
        self._seen.add("connect", took, self._session)
        self._connected = now

    def sends(self, mark: Mark, now: float) -> None:
        """A frame of the user goes out."""
        if mark is Mark.BEGINS and self._setup.answers:
            self.close_turn(now)
            self._turn = _Turn(now)
            if self._playback.is_heard(now):
                self._onset = now
        elif mark is Mark.ENDS and self._turn is not None:
            self._turn.ended = now

    def probe(self, now: float) -> bytes:
        """Return the frame that probes, if none is under way."""
        if self._probed is not None:
            return b""
        self._probed = now
        return PROBE

    def receive(self, message: bytes, now: float) -> bytes:
        """Take an event of the server; return the frames to be sent."""
        try:
            told = _decoder.decode(message)
        except msgspec.DecodeError:
            self._seen.fail("unreadable")
            return b""
        handler = self._handlers.get(told.type)
        return handler(self, told, now) if handler is not None else b""

    def receive_binary(self, message: bytes, now: float) -> None:
        """Take a message that is no text: this protocol has none."""
        self._seen.fail("unreadable")

    def receive_pong(self, now: float) -> None:
        """Take the answer to a ping: none is sent."""

    def waits(self, now: float, patience: float) -> bool:
        """Whether the turn that was said last may still be answered, or somebody still speaks."""
        turn = self._turn
        if turn is None or turn.failed or turn.done is not None:
            return False
        return turn.ended is None or now - turn.ended < patience

    def close_turn(self, now: float) -> None:
        """Take down the turn that was, if there was one."""
        turn, self._turn = self._turn, None
        if self._onset is not None:  # nobody has stopped the answer
            self._interrupt("talked_over", min(now, self._playback.until))
        if turn is None or turn.ended is None or turn.begun < self._seen.since:
            return
        if self._playback.begun and turn.heard is None and turn.audio is not None:
            turn.heard = min(now, self._playback.until)
            turn.interrupted = now < self._playback.until
        counts = self._seen.counts
        counts["turns"] += 1
        counts["unanswered"] += turn.audio is None and not turn.failed
        moments = {
            "endpoint": turn.stopped,
            "transcript": turn.transcript,
            "first_token": turn.token,
            "first_audio": turn.audio,
            "answer": turn.done,
        }
        for name, moment in moments.items():
            if moment is not None:
                self._add(name, moment - turn.ended)
        if turn.audio is not None and turn.stopped is not None:
            self._add("reaction", turn.audio - turn.stopped)
        if len(self._seen.turns) < KEPT_TURNS:
            self._seen.turns.append(self._kept(turn, turn.ended))

    def _kept(self, turn: _Turn, ended: float) -> Turn:
        def since(moment: float | None) -> float | None:
            return None if moment is None else moment - ended

        return Turn(
            session=self._session,
            speech=ended - turn.begun,
            stopped=since(turn.stopped),
            transcript=since(turn.transcript),
            token=since(turn.token),
            audio=since(turn.audio),
            done=since(turn.done),
            heard=since(turn.heard),
            interrupted=turn.interrupted,
        )

    def _add(self, name: str, seconds: float) -> None:
        self._seen.add(name, seconds, self._session)

    def _of(self, response: str) -> _Turn | None:
        """Return the turn that a response answers, if it is to be looked at."""
        turn = self._turns.get(response, self._turn)
        return turn if turn is not None and turn.ended is not None else None

    def _created(self, told: ServerEvent, now: float) -> bytes:
        self._add("first_event", now - self._connected)
        return event(**self._setup.update())

    def _updated(self, told: ServerEvent, now: float) -> bytes:
        self.ready = True
        return RESPOND if self._setup.asks else b""

    def _speech_started(self, told: ServerEvent, now: float) -> bytes:
        if not self._setup.answers:  # what is said stops nothing
            return b""
        turn = self._turn
        if turn is None or (turn.noticed and turn.ended is not None):
            self._seen.counts["false_starts"] += 1
        else:
            self._items[told.item_id] = turn
            turn.noticed = True
        if self._onset is not None:
            self._interrupt("interruptions", now)
        if not self._playback.is_heard(now) or self._stopped is not None:
            return b""
        heard = self._playback.stop(now)
        self._stopped = now
        stopped = self._turns.get(self._playing)
        if stopped is not None and stopped.heard is None:
            stopped.heard, stopped.interrupted = now, True
        if not self._item:
            return b""
        self._truncated = now
        heard_of = {"item_id": self._item, "content_index": 0, "audio_end_ms": int(1000 * heard)}
        return event(type="conversation.item.truncate", event_id="truncate", **heard_of)

    def _interrupt(self, count: str, silent: float) -> None:
        """The user has been speaking into an answer, which could be heard until the moment `silent`."""
        assert self._onset is not None
        if self._onset >= self._seen.since:
            self._seen.counts["interruptions"] += 1
            if count != "interruptions":
                self._seen.counts[count] += 1
            self._add("barge_in", silent - self._onset)
        self._onset = None

    def _speech_stopped(self, told: ServerEvent, now: float) -> bytes:
        turn = self._turn
        if turn is not None and turn.ended is not None and turn.stopped is None:
            turn.stopped = now
        return b""

    def _transcribed(self, told: ServerEvent, now: float) -> bytes:
        turn = self._items.pop(told.item_id, self._turn)
        if turn is not None and turn.ended is not None and turn.transcript is None:
            turn.transcript = now
        return b""

    def _not_transcribed(self, told: ServerEvent, now: float) -> bytes:
        self._items.pop(told.item_id, None)
        code = told.error.code or told.error.type if told.error else None
        self._seen.fail(f"transcription: {code or 'failed'}")
        return b""

    def _response_created(self, told: ServerEvent, now: float) -> bytes:
        if told.response is not None:
            self._begin_answer(told.response.id)
        return b""

    def _begin_answer(self, response: str) -> None:
        turn = self._turn
        if turn is not None and turn.ended is None:
            self._seen.counts["early"] += 1
            turn = None
        self._turns[response] = turn

    def _text(self, told: ServerEvent, now: float) -> bytes:
        turn = self._of(told.response_id)
        if turn is not None and turn.token is None:
            turn.token = now
        return b""

    def _audio(self, told: ServerEvent, now: float) -> bytes:
        quoted = bytes(told.delta)
        seconds = ((len(quoted) - 2) * 3 // 4 - quoted.count(b"=", -3)) / 2 / RATE
        self._item = told.item_id
        self._hear(told.response_id, seconds, now)
        return b""

    def _hear(self, response: str, seconds: float, now: float) -> None:
        """There is more audio of a response."""
        self._seen.counts["audio_ms"] += round(1000 * seconds)
        if response != self._playing:
            self._playback = Playback()
            self._playing, self._stopped = response, None
        self._last_audio = now
        if self._stopped is not None:
            return
        if self._playback.begun:
            self._seen.audio_late.append(max(0.0, now - self._playback.until))
        gap = self._playback.hear(seconds, now)
        if gap and now - gap >= self._seen.since:
            self._seen.counts["gaps"] += 1
            self._add("gap", gap)
        turn = self._of(response)
        if turn is not None and turn.audio is None:
            turn.audio = now

    def _response_done(self, told: ServerEvent, now: float) -> bytes:
        response = told.response or _Response()
        turn = self._of(response.id)
        self._turns.pop(response.id, None)
        if turn is not None and turn.done is None and response.status == "completed":
            turn.done = now
        if response.status == "failed":
            error = response.status_details.error if response.status_details else None
            self._seen.fail(f"response: {(error.code or error.type if error else None) or 'failed'}")
            if turn is not None:
                turn.failed = True
        if response.id == self._playing:
            self._end_audio(response.status, now)
        return RESPOND if self._setup.asks else b""

    def _end_audio(self, status: str | None, now: float) -> None:
        if self._playback.begun and now >= self._seen.since:
            self._add("jitter", self._playback.jitter)
        if self._stopped is not None:
            if self._stopped >= self._seen.since:
                self._add("overrun", self._last_audio - self._stopped)
        elif status == "cancelled" and self._playback.is_heard(now):
            if self._onset is not None:  # a server that says no more than this
                self._interrupt("interruptions", now)
            self._playback.stop(now)
            self._stopped = now

    def _was_truncated(self, told: ServerEvent, now: float) -> bytes:
        if self._truncated is not None:
            self._add("truncate", now - self._truncated)
            self._truncated = None
        return b""

    def _failed(self, told: ServerEvent, now: float) -> bytes:
        error = told.error or _Error()
        if self._probed is not None and (error.event_id == "probe" or error.code == "item_retrieve_invalid_item_id"):
            self._end_probe(now)
            return b""
        name = error.code or error.type or "error"
        if not self.ready:
            self.refusal = f"{name}: {error.message or ''}"
        self._seen.fail(f"truncate: {name}" if error.event_id == "truncate" else name)
        return b""

    def _end_probe(self, now: float) -> None:
        if self._probed is not None and self._probed >= self._seen.since:
            self._add("probe", now - self._probed)
        self._probed = None

    _handlers: ClassVar[dict[str, Callable[["Observer", ServerEvent, float], bytes]]] = {
        "session.created": _created,
        "session.updated": _updated,
        "input_audio_buffer.speech_started": _speech_started,
        "input_audio_buffer.speech_stopped": _speech_stopped,
        "conversation.item.input_audio_transcription.completed": _transcribed,
        "conversation.item.input_audio_transcription.failed": _not_transcribed,
        "conversation.item.truncated": _was_truncated,
        "response.created": _response_created,
        "response.output_text.delta": _text,
        "response.output_audio_transcript.delta": _text,
        "response.output_audio.delta": _audio,
        "response.audio_transcript.delta": _text,  # these two as the beta called them, and some servers still do
        "response.audio.delta": _audio,
        "response.done": _response_done,
        "error": _failed,
    }
