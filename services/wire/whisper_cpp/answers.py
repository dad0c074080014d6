"""Answers in the formats that the server has."""

from typing import Any

from ....codecs.captions import Caption, to_srt, to_webvtt
from ..answers import Answer, json_answer, text_answer
from ..hearing import Heard

LANGUAGES = {"en": "english", "de": "german", "fr": "french", "auto": "english"}
"""As it calls them; there are a hundred."""


def answer(form: str, words: list[Heard], seconds: float, language: str, *, translated: bool) -> Answer:
    """Return what was heard in a format; one that is not known is JSON."""
    text = "".join(f" {word.text}" for word in words)
    caption = Caption(0, seconds, text.strip())
    match form:
        case "text":
            return text_answer(f"{text}\n", "text/html; charset=utf-8")
        case "srt":
            return text_answer(to_srt([caption]), "application/x-subrip")
        case "vtt":
            return text_answer(to_webvtt([caption]), "text/vtt")
        case "verbose_json":
            return json_answer(_verbose(text, words, seconds, language, translated=translated))
        case _:
            return json_answer({"text": f"{text}\n"})


def _verbose(text: str, words: list[Heard], seconds: float, language: str, *, translated: bool) -> dict[str, Any]:
    named = LANGUAGES.get(language, language)
    segment = {
        "id": 0,
        "text": text,
        "start": 0.0,
        "end": round(seconds, 2),
        "tokens": list(range(len(words))),
        "words": [token for word in words for token in _tokens(word)],
        "temperature": 0.0,
        "avg_logprob": -0.2,
        "no_speech_prob": 0.01,
    }
    return {
        "task": "translate" if translated else "transcribe",
        "language": named,
        "duration": seconds,
        "text": f"{text}\n",
        "segments": [segment] if words else [],
        "detected_language": named,
        "detected_language_probability": 0.98,
        "language_probabilities": {"en": 0.98},
    }


def _tokens(word: Heard) -> list[dict[str, Any]]:
    """Return a word as the model has it: in pieces of up to three characters, the first with a space before it."""
    pieces = [word.text[start : start + 3] for start in range(0, len(word.text), 3)]
    each = (word.end - word.start) / len(pieces)
    return [
        {
            "word": piece if number else f" {piece}",
            "start": round(word.start + number * each, 2),
            "end": round(word.start + (number + 1) * each, 2),
            "t_dtw": -1,
            "probability": round(0.9 - number / 100, 2),
        }
        for number, piece in enumerate(pieces)
    ]
