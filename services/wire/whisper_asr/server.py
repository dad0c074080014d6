"""The server: what it takes in its query, its file, and the schema of all that."""

from typing import Any, Final

from starlette.datastructures import UploadFile
from starlette.requests import Request

from ..answers import Answer, Refused, json_answer, text_answer
from ..hearing import HearingWire, heard, seconds_of
from ..server import Handler
from .answers import FORMATS, answer

PARAMETERS: Final = {
    "encode": "boolean",
    "task": "string",
    "language": "string",
    "initial_prompt": "string",
    "vad_filter": "boolean",
    "word_timestamps": "boolean",
    "output": "string",
}
"""Of ``/asr``, and their types."""
BOOLEANS: Final = {
    "true": True,
    "1": True,
    "yes": True,
    "on": True,
    "false": False,
    "0": False,
    "no": False,
    "off": False,
}


class WhisperAsrWire(HearingWire):
    """``whisper-asr-webservice``; `url` is what a client is to be given."""

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """See `WireServer.handlers`."""
        return {
            ("POST", "/asr"): self._transcribe,
            ("POST", "/detect-language"): self._detect,
            ("GET", "/openapi.json"): self._schema,
        }

    def refuse(self, status: int, code: str | None = None) -> Answer:
        """See `WireServer.refuse`: what it has no words for is plain text."""
        if status >= 500:
            return text_answer("Internal Server Error", status=status)
        return json_answer({"detail": code or "refused by the proxy"}, status)

    async def _transcribe(self, request: Request) -> Answer:
        query = request.query_params
        flags = {name: _flag(query.get(name), name) for name, kind in PARAMETERS.items() if kind == "boolean"}
        seconds = await _seconds(request, encoded=flags["encode"] is not False)
        if seconds is None:
            return self.refuse(500)
        words = heard(self.next_text(), seconds, whole=True)
        language = query.get("language") or "en"
        return answer(query.get("output", "txt"), words, seconds, language, timed=bool(flags["word_timestamps"]))

    async def _detect(self, request: Request) -> Answer:
        seconds = await _seconds(request, encoded=_flag(request.query_params.get("encode"), "encode") is not False)
        if seconds is None:
            return self.refuse(500)
        return json_answer({"detected_language": "english", "language_code": "en", "confidence": 0.98})

    async def _schema(self, _request: Request) -> Answer:
        parameters: list[dict[str, Any]] = [
            {"name": name, "in": "query", "required": False, "schema": {"type": kind}}
            for name, kind in PARAMETERS.items()
        ]
        parameters[-1]["schema"]["enum"] = FORMATS
        body = {"required": True, "content": {"multipart/form-data": {"schema": {"$ref": "#/components/schemas/Body"}}}}
        described = {"post": {"tags": ["Endpoints"], "parameters": parameters, "requestBody": body}}
        return json_answer(
            {
                "openapi": "3.1.0",
                "info": {"title": "Whisper Asr Webservice", "version": "1.9.1"},
                "paths": {"/asr": described, "/detect-language": described},
            }
        )


def _flag(text: str | None, name: str) -> bool | None:
    """Read what stands in the query for true and false; None if there is nothing."""
    if text is None:
        return None
    if text.lower() not in BOOLEANS:
        problem: dict[str, Any] = {
            "type": "bool_parsing",
            "loc": ["query", name],
            "msg": "Input should be a valid boolean",
        }
        raise Refused(json_answer({"detail": [problem | {"input": text}]}, 422))
    return BOOLEANS[text.lower()]


async def _seconds(request: Request, *, encoded: bool) -> float | None:
    """Return how long the file of a request is; None if it can't be decoded."""
    async with request.form() as form:
        file = form.get("audio_file")
        if not isinstance(file, UploadFile):
            problem: dict[str, Any] = {"type": "missing", "loc": ["body", "audio_file"], "msg": "Field required"}
            raise Refused(json_answer({"detail": [problem | {"input": None}]}, 422))
        recording = await file.read()
    if not encoded:  # samples of 16 kHz, and no half ones
        return None if len(recording) % 2 else len(recording) / 32_000
    return await seconds_of(recording)
