"""``POST /v1/audio/transcriptions`` and ``/translations``: a recording in, its text out."""

from typing import Final

from msgspec import Struct
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from ..serving.audio import decode
from ..serving.clients import Answering, Push
from ..serving.refusals import EngineFailed, Refused
from ..serving.slots import Slot, Slots
from ..serving.uploads import read_form
from .answers import FORMATS, MEDIA_TYPES, ResponseFormat, Written, delta, done, failed, written
from .engine import RATE, Engine, Segment, Task
from .languages import LANGUAGES
from .settings import Settings

GRANULARITIES: Final = frozenset({"word", "segment"})
SHORTEST: Final = 0.1
"""Seconds below which OpenAI refuses to listen."""


class Asked(Struct, frozen=True, kw_only=True):
    """A request's form, apart from the file."""

    task: Task
    form: ResponseFormat
    granularities: frozenset[str]
    stream: bool


class Files:
    """Transcribes files."""

    def __init__(self, engine: Engine, slots: Slots, settings: Settings) -> None:
        self._engine = engine
        self._slots = slots
        self._settings = settings

    async def transcribe(self, request: Request) -> Answering:
        """Answer a request for a transcript."""
        return await self._answer(request, translate=False)

    async def translate(self, request: Request) -> Answering:
        """Answer a request for a translation into English."""
        return await self._answer(request, translate=True)

    async def _answer(self, request: Request, *, translate: bool) -> Answering:
        form = await read_form(request, self._settings.largest_upload)
        try:
            asked = read_asked(form, translate=translate)
            upload = form.get("file")
            if not isinstance(upload, UploadFile):
                raise Refused(400, "There is no file in the form.", param="file", code="missing_required_parameter")
        except Refused:
            await form.close()
            raise

        async def make(push: Push) -> None:
            try:
                async with self._slots.taken() as slot:
                    await self._work(slot, upload, asked, push)
            finally:
                upload.file.close()

        return Answering(make, "text/event-stream" if asked.stream else MEDIA_TYPES[asked.form])

    async def _work(self, slot: Slot, upload: UploadFile, asked: Asked, push: Push) -> None:
        audio = await slot.run(lambda: decode(upload.file, RATE, self._settings.longest))
        if len(audio) < SHORTEST * RATE:
            raise Refused(400, f"The recording is shorter than {SHORTEST} s.", param="file", code="audio_too_short")
        recognition = await slot.run(lambda: self._engine.transcribe(audio, asked.task))
        steps, segments = slot.steps(recognition.segments), list[Segment]()
        if asked.stream:
            try:
                async for segment in steps:
                    text = segment.text if segments else segment.text.lstrip()
                    segments.append(segment)
                    await push(delta(text))
            except EngineFailed:
                if not segments:
                    raise
                await push(failed(Refused(500, "The engine failed.", code="engine_failed").body()))
                return
            await push(done(segments))
            return
        async for segment in steps:
            segments.append(segment)
        transcript = Written(
            language=recognition.language,
            seconds=len(audio) / RATE,
            segments=segments,
            translated=asked.task.translate,
        )
        await push(written(transcript, asked.form, asked.granularities))


def read_asked(form: FormData, *, translate: bool) -> Asked:
    """Read the fields of a form; those that are not known are left alone, as OpenAI's clients have more each month.

    The model may be called anything: there is one, and clients have to say something.

    Raises:
        Refused: A value is wrong; the text says what is possible.
    """
    fields = {name: value.strip() for name, value in form.multi_items() if isinstance(value, str)}
    language = fields.get("language", "").lower() or None
    if language is not None and language not in LANGUAGES:
        raise Refused(400, "The language is an ISO 639-1 code, such as en.", param="language", code="invalid_value")
    shape = fields.get("response_format") or "json"
    if shape not in FORMATS:
        raise Refused(400, f"The formats are {', '.join(FORMATS)}.", param="response_format", code="invalid_value")
    temperature = _number(fields, "temperature", 0, 1)
    listed = {
        str(value) for name in ("timestamp_granularities[]", "timestamp_granularities") for value in form.getlist(name)
    }
    if not listed <= GRANULARITIES:
        raise Refused(400, "Granularities are word and segment.", param="timestamp_granularities", code="invalid_value")
    granularities = frozenset(listed or {"segment"})
    task = Task(
        language=language,
        prompt=fields.get("prompt") or None,
        temperature=temperature or None,  # 0 means to find the best one, as for OpenAI
        words="word" in granularities and shape == "verbose_json",
        translate=translate,
    )
    stream = fields.get("stream", "").lower() in {"true", "1"} and not translate
    return Asked(task=task, form=shape, granularities=granularities, stream=stream)


def _number(fields: dict[str, str], name: str, least: float, most: float) -> float | None:
    text = fields.get(name, "")
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        number = float("nan")
    if not least <= number <= most:
        raise Refused(400, f"It is a number from {least:g} to {most:g}.", param=name, code="invalid_value")
    return number
