"""A transcript in the formats of OpenAI's API.

Fields as in https://platform.openai.com/docs/api-reference/audio; times of subtitles are rounded to the millisecond.
"""

from collections.abc import Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec
from msgspec import Struct

from .engine import Segment
from .languages import LANGUAGES

ResponseFormat: TypeAlias = Literal["json", "text", "srt", "vtt", "verbose_json"]
FORMATS: Final[tuple[ResponseFormat, ...]] = get_args(ResponseFormat)
MEDIA_TYPES: Final[dict[ResponseFormat, str]] = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "verbose_json": "application/json",
}


class Written(Struct, frozen=True, kw_only=True):
    """A finished transcript."""

    language: str
    """ISO 639-1."""
    seconds: float
    """Of the audio."""
    segments: Sequence[Segment]
    translated: bool = False

    @property
    def text(self) -> str:
        """All of it."""
        return joined(self.segments)


def joined(segments: Sequence[Segment]) -> str:
    """Return the text of segments."""
    return "".join(segment.text for segment in segments).strip()


def written(transcript: Written, form: ResponseFormat, granularities: frozenset[str]) -> bytes:
    """Return the body of an answer.

    Args:
        transcript: What to write.
        form: How.
        granularities: ``word``, ``segment`` or both, for ``verbose_json``.
    """
    match form:
        case "json":
            answer: dict[str, Any] = {"text": transcript.text}
            return msgspec.json.encode(answer if transcript.translated else answer | _usage(transcript))
        case "text":
            return f"{transcript.text}\n".encode()
        case "srt":
            cues = (
                f"{number}\n{_time(each.start, ',')} --> {_time(each.end, ',')}\n{each.text.strip()}\n\n"
                for number, each in enumerate(transcript.segments, 1)
            )
            return "".join(cues).encode()
        case "vtt":
            cues = (
                f"{_time(each.start, '.')} --> {_time(each.end, '.')}\n{each.text.strip()}\n\n"
                for each in transcript.segments
            )
            return f"WEBVTT\n\n{''.join(cues)}".encode()
        case "verbose_json":
            return msgspec.json.encode(_verbose(transcript, granularities))


def delta(text: str) -> bytes:
    """Return the event with the next piece of a streamed transcript."""
    return _event({"type": "transcript.text.delta", "delta": text})


def done(segments: Sequence[Segment]) -> bytes:
    """Return the event that ends a streamed transcript."""
    return _event({"type": "transcript.text.done", "text": joined(segments)})


def failed(body: dict[str, Any]) -> bytes:
    """Return the event that ends a streamed transcript early."""
    return _event({"type": "error", **body})


def _event(data: object) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(data)


def _usage(transcript: Written) -> dict[str, Any]:
    return {"usage": {"type": "duration", "seconds": round(transcript.seconds, 2)}}


def _verbose(transcript: Written, granularities: frozenset[str]) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "task": "translate" if transcript.translated else "transcribe",
        "language": LANGUAGES.get(transcript.language, transcript.language),
        "duration": round(transcript.seconds, 2),
        "text": transcript.text,
    }
    if "word" in granularities:
        answer["words"] = [
            {"word": word.text.strip(), "start": round(word.start, 3), "end": round(word.end, 3)}
            for segment in transcript.segments
            for word in segment.words
        ]
    if "segment" in granularities:
        answer["segments"] = [_segment(number, segment) for number, segment in enumerate(transcript.segments)]
    return answer if transcript.translated else answer | _usage(transcript)


def _segment(number: int, segment: Segment) -> dict[str, Any]:
    return {
        "id": number,
        "seek": segment.seek,
        "start": round(segment.start, 3),
        "end": round(segment.end, 3),
        "text": segment.text,
        "tokens": segment.tokens,
        "temperature": segment.temperature,
        "avg_logprob": segment.average_log_probability,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_probability,
    }


def _time(seconds: float, point: str) -> str:
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{whole:02d}{point}{milliseconds:03d}"
