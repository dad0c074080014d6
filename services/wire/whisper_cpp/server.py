"""The server: its paths, its form, and what its HTTP library makes of errors."""

from starlette.datastructures import UploadFile
from starlette.requests import Request

from ..answers import Answer, json_answer, text_answer
from ..hearing import HearingWire, heard, seconds_of
from ..server import Handler
from .answers import answer


class WhisperCppWire(HearingWire):
    """whisper.cpp's server; `url` is what a client is to be given.

    Args:
        inference_path: Where it takes recordings, as its option of that name says.
    """

    def __init__(self, *, inference_path: str = "/inference") -> None:
        super().__init__()
        self.loading = False
        """Whether a model is being loaded; it says so with a status that its HTTP library turns into 404."""
        self._path = inference_path

    def reset(self) -> None:
        """Forget requests, faults and texts."""
        super().reset()
        self.loading = False

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """See `WireServer.handlers`."""
        return {("POST", self._path): self._infer, ("GET", "/health"): self._health, ("POST", "/load"): self._load}

    def refuse(self, status: int, code: str | None = None) -> Answer:
        """See `WireServer.refuse`; statuses that it does not have come from something in front of it."""
        match status:
            case 400:
                return text_answer("Invalid request", "text/plain", 400)
            case 404:
                return text_answer("File Not Found", "text/plain", 404)
            case 500:
                return json_answer({"error": "failed to process audio"}, 500)
            case _:
                return text_answer("refused by the proxy", "text/plain", status)

    async def _health(self, request: Request) -> Answer:
        return self.refuse(404) if self.loading else json_answer({"status": "ok"})

    async def _load(self, request: Request) -> Answer:
        async with request.form() as form:
            return text_answer("Load was successful!", "application/text") if form.get("model") else self.refuse(400)

    async def _infer(self, request: Request) -> Answer:
        async with request.form() as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                return self.refuse(400)
            recording = await file.read()
            said = {name: value for name, value in form.items() if isinstance(value, str)}
        seconds = await seconds_of(recording)
        if seconds is None:
            return self.refuse(400)
        words = heard(self.next_text(), seconds, whole=True)
        form_of_answer, language = said.get("response_format", "json"), said.get("language", "en")
        return answer(form_of_answer, words, seconds, language, translated=said.get("translate") == "true")
