"""``/v1/listen``: what is heard in audio, while it comes or afterwards."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from ..answers import Answer, json_answer
from ..hearing import Heard, Hearing, heard
from .models import STT, model_info, uuid_of
from .refusals import REQUEST_ID, bad_request, no_such_model

WINDOW: Final = 1.5
"""Seconds of audio after which what was heard is final."""
CREATED: Final = "2026-11-21T12:00:00.000Z"
SIZES: Final = {"linear16": 2, "linear32": 4, "mulaw": 1, "alaw": 1}
"""Bytes per sample of the encodings whose length tells the time."""
CONFIDENCE: Final = 0.98


class Asked(Struct, frozen=True, kw_only=True):
    """A request's query."""

    model: str
    encoding: str
    rate: int
    channels: int
    interim: bool
    punctuated: bool
    events: bool
    utterance_end: bool
    endpointing: float | None = None
    """Seconds of silence after words that make them final; None where the request names none."""

    def seconds(self, size: int) -> float:
        """Return how long so many bytes are."""
        return size / (SIZES[self.encoding] * self.rate * self.channels)


def read_query(query: Mapping[str, str], *, streamed: bool) -> Asked:
    """Read a query.

    Raises:
        Refused: The API would not take it.
    """
    model = query.get("model", "base-general")
    if model not in STT:
        raise no_such_model()
    encoding = query.get("encoding", "")
    if streamed and (encoding == "") != ("sample_rate" not in query):
        raise bad_request("encoding and sample_rate are needed both, or none of them")
    if encoding and encoding not in SIZES:
        raise bad_request(f"Unsupported encoding: {encoding}")
    if "utterance_end_ms" in query and query.get("interim_results") != "true":
        raise bad_request("utterance_end_ms requires interim_results")
    try:
        rate, channels = int(query.get("sample_rate", "16000")), int(query.get("channels", "1"))
    except ValueError:
        raise bad_request("Invalid query string") from None
    return Asked(
        model=model,
        encoding=encoding or "linear16",
        rate=rate,
        channels=channels,
        interim=query.get("interim_results") == "true",
        punctuated=any(query.get(name) == "true" for name in ("punctuate", "smart_format")),
        events=query.get("vad_events") == "true",
        utterance_end="utterance_end_ms" in query,
        endpointing=int(pause) / 1000 if (pause := query.get("endpointing", "")).isdecimal() else None,
    )


class Listener:
    """One stream of audio, without I/O: bytes in, messages out."""

    def __init__(self, asked: Asked, hearing: Hearing) -> None:
        self._asked = asked
        self._hearing = hearing
        self._size = 0
        self._start = 0.0  # of what is not final yet
        self._given = 0  # words that are final
        self._shown = 0  # words that were shown
        self._digest = hashlib.sha256()

    def push(self, audio: bytes) -> Iterator[dict[str, Any]]:
        """Take audio; return what is heard in it."""
        if self._asked.events and not self._size:
            yield {"type": "SpeechStarted", "channel": [0, self._asked.channels], "timestamp": 0.0}
        self._size += len(audio)
        self._digest.update(audio)
        self._hearing.push(audio)
        words = self._hearing.words(self._now)
        if self._now - self._start >= WINDOW or self._is_endpoint(words):
            yield self._results(words, final=True)
        elif self._asked.interim and len(words) > self._shown:
            yield self._results(words, final=False)

    def _is_endpoint(self, words: list[Heard]) -> bool:
        pause = self._asked.endpointing
        return pause is not None and len(words) > self._given and self._now - words[-1].end >= pause

    def finalize(self) -> Iterator[dict[str, Any]]:
        """Make final what was heard so far."""
        yield self._results(self._hearing.words(self._now), final=True, from_finalize=True)
        if self._asked.utterance_end:
            last = self._hearing.words(self._now)
            yield {"type": "UtteranceEnd", "channel": [0, 1], "last_word_end": last[-1].end if last else -1}

    def finish(self) -> Iterator[dict[str, Any]]:
        """Make everything final, and say what it was."""
        if self._size:
            yield self._results(self._hearing.words(self._now, whole=True), final=True)
        yield {
            "type": "Metadata",
            "transaction_key": "deprecated",
            "request_id": REQUEST_ID,
            "sha256": self._digest.hexdigest(),
            "created": CREATED,
            "duration": round(self._now, 6),
            "channels": self._asked.channels,
            "models": [uuid_of(self._asked.model)],
            "model_info": {uuid_of(self._asked.model): model_info(self._asked.model)},
        }

    @property
    def _now(self) -> float:
        return self._asked.seconds(self._size)

    def _results(self, words: list[Heard], *, final: bool, from_finalize: bool = False) -> dict[str, Any]:
        model = self._asked.model
        result = {
            "type": "Results",
            "channel_index": [0, self._asked.channels],
            "duration": round(self._now - self._start, 6),
            "start": round(self._start, 6),
            "is_final": final,
            "speech_final": final,
            "channel": {"alternatives": [alternative(words[self._given :], punctuated=self._asked.punctuated)]},
            "metadata": {"request_id": REQUEST_ID, "model_info": model_info(model), "model_uuid": uuid_of(model)},
            "from_finalize": from_finalize,
        }
        self._shown = len(words)
        if final:
            self._given, self._start = len(words), self._now
        return result


def alternative(words: list[Heard], *, punctuated: bool) -> dict[str, Any]:
    """Return what was heard, as it stands in every answer."""
    written: list[dict[str, Any]] = [
        {"word": word.word, "start": word.start, "end": word.end, "confidence": CONFIDENCE}
        | ({"punctuated_word": word.text} if punctuated else {})
        for word in words
    ]
    text = " ".join(word.text if punctuated else word.word for word in words)
    return {"transcript": text, "confidence": CONFIDENCE if words else 0.0, "words": written}


def recording(asked: Asked, audio: bytes, seconds: float, text: str | None) -> Answer:
    """Return the answer to a recording."""
    words = heard(text, seconds, whole=True)
    return json_answer(
        {
            "metadata": {
                "transaction_key": "deprecated",
                "request_id": REQUEST_ID,
                "sha256": hashlib.sha256(audio).hexdigest(),
                "created": CREATED,
                "duration": round(seconds, 6),
                "channels": 1,
                "models": [uuid_of(asked.model)],
                "model_info": {uuid_of(asked.model): model_info(asked.model)},
            },
            "results": {"channels": [{"alternatives": [alternative(words, punctuated=asked.punctuated)]}]},
        }
    )
