"""``POST /v1/audio/transcriptions``: hears what a test says is heard, in the format that was asked for."""

import re
from collections.abc import Mapping
from typing import Any, Final

from anyio import to_thread
from msgspec import Struct
from starlette.datastructures import FormData, UploadFile

from ....codecs.asset import load
from ....codecs.decode import read_audio
from ....codecs.errors import CodecError
from ..answers import Answer, Refused, json_answer, sse_answer, text_answer
from .refusals import invalid, refusal

LARGEST_UPLOAD: Final = 26_214_400
SECONDS_PER_WORD: Final = 0.3
EXTENSIONS: Final = frozenset({"flac", "mp3", "mp4", "mpeg", "mpga", "m4a", "ogg", "wav", "webm"})
JSON_ONLY: Final = re.compile("gpt-4o(-mini)?-transcribe")
"""Models that answer in no other format than ``json``."""


class Heard(Struct, frozen=True):
    """What is in an upload."""

    text: str
    language: str = "english"


class Upload(Struct, frozen=True, kw_only=True):
    """A request, as its form says it."""

    model: str
    audio: bytes
    seconds: float
    response_format: str
    granularities: tuple[str, ...]
    stream: bool
    fields: Mapping[str, str]
    """All text fields."""


async def read_upload(form: FormData) -> Upload:
    """Read a request's form.

    Raises:
        Refused: The API would not take it.
    """
    file, model = form.get("file"), form.get("model")
    if not isinstance(file, UploadFile):
        raise invalid("file is required", "file")
    if not isinstance(model, str):
        raise invalid("you must provide a model parameter", "model")
    extension = (file.filename or "").rpartition(".")[2].lower()
    if extension not in EXTENSIONS:
        raise invalid(f"Unrecognized file format. Supported formats: {sorted(EXTENSIONS)}", "file")
    audio = await file.read()
    if len(audio) > LARGEST_UPLOAD:
        raise Refused(refusal(413))
    response_format = str(form.get("response_format", "json"))
    if JSON_ONLY.match(model) and response_format != "json":
        raise invalid(
            f"response_format '{response_format}' is not compatible with model '{model}'. Use 'json' instead.",
            "response_format",
            "unsupported_value",
        )
    seconds = await to_thread.run_sync(_seconds, audio)
    if seconds < 0.1:
        raise invalid("Audio file is too short. Minimum audio length is 0.1 seconds.", "file", "audio_too_short")
    return Upload(
        model=model,
        audio=audio,
        seconds=seconds,
        response_format=response_format,
        granularities=tuple(str(value) for value in form.getlist("timestamp_granularities[]")),
        stream=form.get("stream") == "true" and model != "whisper-1",
        fields={name: value for name, value in form.items() if isinstance(value, str)},
    )


def _seconds(audio: bytes) -> float:
    try:
        return read_audio(load(audio)).duration
    except CodecError:
        raise invalid("Audio file might be corrupted or unsupported", "file", "invalid_value") from None


def answer(upload: Upload, heard: Heard) -> Answer:
    """Return the answer to an upload."""
    text = heard.text
    if upload.stream:
        deltas = [{"type": "transcript.text.delta", "delta": piece} for piece in re.findall(r"\s*\S+", text)]
        return sse_answer(
            *deltas, {"type": "transcript.text.done", "text": text, "usage": _tokens(upload, text)}, done=False
        )
    words = _words(text)
    match upload.response_format:
        case "text":
            return text_answer(f"{text}\n")
        case "srt":
            return text_answer(f"1\n{_time(0, ',')} --> {_time(upload.seconds, ',')}\n{text}\n\n")
        case "vtt":
            return text_answer(f"WEBVTT\n\n{_time(0, '.')} --> {_time(upload.seconds, '.')}\n{text}\n\n")
        case "verbose_json":
            return json_answer(_verbose(upload, heard, words))
        case "json" if upload.model == "whisper-1":
            return json_answer({"text": text, "usage": _duration(upload)})
        case "json":
            return json_answer({"text": text, "usage": _tokens(upload, text)})
        case other:
            raise invalid(f"Invalid 'response_format': {other!r}.", "response_format", "invalid_value")


def _verbose(upload: Upload, heard: Heard, words: list[dict[str, Any]]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "task": "transcribe",
        "language": heard.language,
        "duration": round(upload.seconds, 2),
        "text": heard.text,
    }
    if "word" in upload.granularities:
        result["words"] = words
    if not upload.granularities or "segment" in upload.granularities:
        segment = {
            "id": 0,
            "seek": 0,
            "start": 0.0,
            "end": round(upload.seconds, 2),
            "text": heard.text,
            "tokens": [50364],
            "temperature": 0.0,
            "avg_logprob": -0.2,
            "compression_ratio": 1.0,
            "no_speech_prob": 0.01,
        }
        result["segments"] = [segment]
    return result | {"usage": _duration(upload)}


def _words(text: str) -> list[dict[str, Any]]:
    """Return the words with times: one after the other, all of the same length, without their punctuation."""
    return [
        {
            "word": word.strip(".,;:!?"),
            "start": round(number * SECONDS_PER_WORD, 2),
            "end": round((number + 1) * SECONDS_PER_WORD, 2),
        }
        for number, word in enumerate(text.split())
    ]


def _duration(upload: Upload) -> dict[str, Any]:
    return {"type": "duration", "seconds": max(1, round(upload.seconds))}


def _tokens(upload: Upload, text: str) -> dict[str, Any]:
    heard, written = round(upload.seconds * 10), len(text.split())
    return {
        "type": "tokens",
        "input_tokens": heard,
        "input_token_details": {"text_tokens": 0, "audio_tokens": heard},
        "output_tokens": written,
        "total_tokens": heard + written,
    }


def _time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{whole:02d}{point}{milliseconds:03d}"
