"""Answers in the formats that the server has; whatever they are, it calls them plain text."""

from typing import Any, Final

import msgspec

from ....codecs.captions import Caption, to_srt, to_webvtt
from ..answers import Answer, text_answer
from ..hearing import Heard

FORMATS: Final = ("txt", "vtt", "srt", "tsv", "json")


def answer(form: str, words: list[Heard], seconds: float, language: str, *, timed: bool) -> Answer:
    """Return what was heard in a format; of one that is not known there is nothing."""
    text = "".join(f" {word.text}" for word in words)
    caption = Caption(0, seconds, text.strip())
    match form:
        case "txt":
            written = f"{text.strip()}\n"
        case "vtt":
            written = to_webvtt([caption])
        case "srt":
            written = to_srt([caption])
        case "tsv":
            written = f"start\tend\ttext\n0\t{round(1000 * seconds)}\t{text.strip()}\n"
        case "json":
            written = msgspec.json.encode(_told(text, words, seconds, language, timed=timed)).decode()
        case _:
            written = ""
    return text_answer(written).with_headers(
        asr_engine="faster_whisper", content_disposition=f'attachment; filename="speech.{form}"'
    )


def _told(text: str, words: list[Heard], seconds: float, language: str, *, timed: bool) -> dict[str, Any]:
    segment = {
        "id": 1,
        "seek": 0,
        "start": 0.0,
        "end": round(seconds, 2),
        "text": text,
        "tokens": [50364],
        "avg_logprob": -0.2,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.01,
        "words": [
            {"start": word.start, "end": word.end, "word": f" {word.text}", "probability": 0.98} for word in words
        ]
        if timed
        else None,
        "temperature": 0.0,
    }
    return {"language": language, "segments": [segment] if words else [], "text": text}
