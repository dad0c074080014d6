"""Where the time of each turn went, from the recording of a session. No I/O."""

import math
from typing import Final

import msgspec
from msgspec import Struct

from ...codecs.audio_format import AUDIO_FORMATS
from ..contracts import Ended, Speech, Transcript
from . import tape
from .tape import ANSWERS

STEPS: Final = ("transcript", "first_token", "first_audio", "heard")
"""Members of `Turn`, in the order in which they are reached."""


class Turn(Struct, frozen=True, kw_only=True):
    """One answer. Times of steps are seconds from the end of the user's speech, or from what else asked for it.

    A step that was not reached is None. One that came sooner, of an answer that was begun on a guess, is negative.
    """

    asked: float
    """When the user's turn was known to be over, or the client asked: seconds since the session began."""
    transcript: float | None = None
    """To the final transcript; None where nothing was said."""
    first_token: float | None = None
    """To the model's first token, or its first tool call."""
    first_audio: float | None = None
    """To the synthesizer's first audio."""
    heard: float | None = None
    """To the first audio that the client was sent, and to text where the answer is only written."""
    done: float | None = None
    """To the end of the response; None where the recording ends before it."""
    audio: float = 0.0
    """Seconds of audio that the client was sent."""
    status: str = ""
    """How the response ended: ``completed``, ``cancelled``, ``incomplete`` or ``failed``."""


class _Answer:
    """A response on its way through the recording."""

    def __init__(self, asked: float, *, spoken_to: bool) -> None:
        self.asked = asked
        self.spoken_to = spoken_to
        self.heard: float | None = None
        self.done: float | None = None
        self.status = ""
        self.size = 0  # of its audio, in bytes
        self.bytes_per_second = 1

    def turn(self, firsts: dict[str, list[float]], since: float) -> Turn:
        """Return it, given when each part gave something, and when the answer before it was heard."""
        until = self.heard if self.heard is not None else self.done if self.done is not None else math.inf

        def after(at: float | None) -> float | None:
            return None if at is None else at - self.asked

        def latest(part: str) -> float | None:
            return after(max((at for at in firsts[part] if since < at <= until), default=None))

        return Turn(
            asked=self.asked,
            transcript=latest("stt") if self.spoken_to else None,
            first_token=latest("llm"),
            first_audio=latest("tts"),
            heard=after(self.heard),
            done=after(self.done),
            audio=self.size / self.bytes_per_second,
            status=self.status,
        )


def turns(recording: tape.Tape) -> list[Turn]:
    """Return the answers in a recording, in the order in which they were begun."""
    parts: dict[int, str] = {}
    firsts: dict[str, list[float]] = {"stt": [], "llm": [], "tts": []}
    begun: set[int] = set()
    asked, spoken_to = 0.0, False
    answers: dict[str, _Answer] = {}
    for record in recording.records:
        match record:
            case tape.Asked():
                parts[record.call] = record.part
            case tape.Got(at, call, item) if call not in begun and _counts(parts[call], item):
                begun.add(call)
                firsts[parts[call]].append(at)
            case tape.Heard(at, event) if msgspec.msgpack.decode(event)["type"] == "response.create":
                asked, spoken_to = at, False
            case tape.Told(at, event):
                match msgspec.msgpack.decode(event):
                    case {"type": "input_audio_buffer.speech_stopped"}:
                        asked, spoken_to = at, True
                    case {"type": "input_audio_buffer.timeout_triggered"}:
                        asked, spoken_to = at, False
                    case {"type": "response.created", "response": {"id": id, "audio": {"output": {"format": form}}}}:
                        answers[id] = _Answer(asked, spoken_to=spoken_to)
                        kind = AUDIO_FORMATS[form["type"]]
                        answers[id].bytes_per_second = kind.rate * kind.sample_size
                    case {"type": "response.output_text.delta", "response_id": id}:
                        answers[id].heard = answers[id].heard or at
                    case {"type": "response.output_audio.delta", "response_id": id, "delta": (size, _)}:
                        answers[id].heard = answers[id].heard or at
                        answers[id].size += size
                    case {"type": "response.done", "response": {"id": id, "status": status}}:
                        answers[id].done, answers[id].status = at, status
                    case _:
                        pass
            case _:
                pass
    result: list[Turn] = []
    since = -1.0
    for answer in answers.values():
        result.append(answer.turn(firsts, since))
        since = answer.heard or since
    return result


def _counts(part: str, item: msgspec.Raw) -> bool:
    """Whether something that a provider gave is what a turn waits for: the final transcript, a token, audio."""
    match ANSWERS[part].decode(item):
        case Transcript(final=final):
            return final
        case Speech(pcm=pcm):
            return bool(pcm)
        case Ended():
            return False
        case _:
            return True
