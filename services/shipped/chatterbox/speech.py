"""``POST /v1/audio/speech``: a text in, speech out, stretch by stretch as it is made."""

import base64
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Literal

import msgspec
import numpy as np
from msgspec import Meta, Struct
from starlette.datastructures import UploadFile
from starlette.requests import Request

from ..serving.audio import s16le, wav_header
from ..serving.clients import Answering, Push
from ..serving.refusals import EngineFailed, Refused
from ..serving.slots import Slot, Slots
from ..serving.uploads import read_form, read_json
from .engine import Engine, Manner
from .library import DEFAULT, Library
from .settings import Settings
from .stretches import stretches

PAUSE: Final = 0.1
"""Seconds of silence between stretches."""
TOKENS: Final = 50
"""Of audio, that a stretch counts for in the usage, as ``chatterbox-tts-api`` has it."""
FORMATS: Final = ("wav", "pcm")
LARGEST_JSON: Final = 256 * 1024


class Asked(Struct, frozen=True, kw_only=True):
    """A request; unknown members are left alone, as clients of OpenAI's API have more each month."""

    input: Annotated[str, Meta(min_length=1)]
    voice: str | None = None
    model: str | None = None
    """There is one; clients have to say something."""
    response_format: str | None = None
    stream_format: Literal["audio", "sse"] | None = None
    speed: float | None = None
    language: str | None = None
    """ISO 639-1; None for that of the voice's recording."""
    exaggeration: Annotated[float, Meta(ge=0.25, le=2)] | None = None
    cfg_weight: Annotated[float, Meta(ge=0, le=1)] | None = None
    temperature: Annotated[float, Meta(ge=0.05, le=5)] | None = None
    seed: Annotated[int, Meta(ge=0)] | None = None
    streaming_chunk_size: Annotated[int, Meta(ge=50, le=500)] | None = None

    def manner(self, language: str) -> Manner:
        """Return how to speak; `language` where the request names none."""
        given = {"exaggeration", "cfg_weight", "temperature", "seed"}
        chosen: dict[str, Any] = {name: value for name in given if (value := getattr(self, name)) is not None}
        return Manner(language=self.language or language, **chosen)


class Speaker:
    """Speaks."""

    def __init__(self, engine: Engine, library: Library, slots: Slots, settings: Settings) -> None:
        self._engine = engine
        self._library = library
        self._slots = slots
        self._settings = settings

    async def speak(self, request: Request) -> Answering:
        """Speak in a voice of the library, or the engine's own."""
        return self._answer(await read_json(request, Asked, LARGEST_JSON), None)

    async def speak_alike(self, request: Request) -> Answering:
        """Speak in the voice of a recording that comes with the request, and is not kept."""
        form = await read_form(request, self._settings.largest_upload)
        upload = form.get("voice_file")
        if upload is not None and not isinstance(upload, UploadFile):
            raise Refused(400, "The recording has to be a file.", param="voice_file")
        fields = {name: value for name, value in form.items() if isinstance(value, str)}
        try:
            asked = msgspec.convert(fields, Asked, strict=False)
        except msgspec.ValidationError as error:
            await form.close()
            reason, _, path = str(error).partition(" - at `$.")
            raise Refused(400, f"{reason}.", param=path.rstrip("`") or None, code="invalid_value") from None
        return self._answer(asked, upload.file if upload else None)

    def _answer(self, asked: Asked, recording: BinaryIO | None) -> Answering:
        """Check a request, and return its answer, which is still to be made."""
        settings = self._settings
        if len(asked.input) > settings.longest_text:
            raise Refused(400, f"The input may have {settings.longest_text} characters at most.", param="input")
        if asked.speed not in {None, 1}:
            raise Refused(400, "Chatterbox has one speed: leave it at 1.", param="speed", code="unsupported_value")
        if asked.response_format not in {None, *FORMATS}:
            formats = f"The formats are {', '.join(FORMATS)}."
            raise Refused(400, formats, param="response_format", code="unsupported_value")
        own = recording is not None or not asked.voice or asked.voice.lower() in DEFAULT
        voice = None if own else self._library.get(asked.voice or "")
        manner = asked.manner(voice.language if voice else "en")
        self._library.check_language(manner.language)
        parts = list(stretches(asked.input, asked.streaming_chunk_size or settings.longest_stretch))
        if not parts:
            raise Refused(400, "There is nothing to say.", param="input")
        events = asked.stream_format == "sse"
        writer = _Events(self._engine.rate) if events else _Audio(self._engine.rate, wav=asked.response_format != "pcm")

        async def make(push: Push) -> None:
            async with self._slots.taken() as slot:
                with ExitStack() as stack:
                    if recording is not None:
                        borrowed = self._library.borrowed(recording)
                        path: Path | None = await slot.run(partial(stack.enter_context, borrowed))
                    else:
                        path = self._library.path(voice) if voice else None
                    await self._make(slot, parts, manner, path, writer, push)

        return Answering(make, writer.media_type)

    async def _make(
        self, slot: Slot, parts: list[str], manner: Manner, path: Path | None, writer: "_Audio | _Events", push: Push
    ) -> None:
        pause = bytes(2 * round(PAUSE * self._engine.rate))
        for number, part in enumerate(parts):
            try:
                samples = await slot.run(partial(self._engine.speak, part, manner, path))
            except EngineFailed:
                if number and (end := writer.failed()):
                    await push(end)
                    return
                raise
            await push(writer.audio(s16le(np.asarray(samples)) + (pause if number < len(parts) - 1 else b"")))
        if end := writer.done(parts):
            await push(end)


class _Audio:
    """The speech itself, with a header or without. A failure can only break it off."""

    def __init__(self, rate: int, *, wav: bool) -> None:
        self.media_type = "audio/wav" if wav else "audio/pcm"
        self._header = wav_header(rate) if wav else b""

    def audio(self, pcm: bytes) -> bytes:
        header, self._header = self._header, b""
        return header + pcm

    def done(self, _parts: list[str]) -> bytes:
        return b""

    def failed(self) -> bytes:
        return b""


class _Events:
    """The speech in events."""

    media_type = "text/event-stream"

    def __init__(self, rate: int) -> None:
        self._first = _event({"type": "speech.audio.info", "sample_rate": rate, "channels": 1, "bits_per_sample": 16})

    def audio(self, pcm: bytes) -> bytes:
        first, self._first = self._first, b""
        return first + _event({"type": "speech.audio.delta", "audio": base64.b64encode(pcm).decode()})

    def done(self, parts: list[str]) -> bytes:
        read, said = sum(len(part.split()) for part in parts), TOKENS * len(parts)
        usage = {"input_tokens": read, "output_tokens": said, "total_tokens": read + said}
        return _event({"type": "speech.audio.done", "usage": usage})

    def failed(self) -> bytes:
        return _event({"type": "error", **Refused(500, "The engine failed.", code="engine_failed").body()})


def _event(data: object) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(data)
