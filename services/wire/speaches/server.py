"""The server: OpenAI's, and what speaches does otherwise."""

import re
from collections.abc import Iterable
from typing import ClassVar, Final

from starlette.requests import Request

from ..answers import Answer, Refused, json_answer, sse_answer
from ..hearing import heard
from ..openai import Heard, OpenAiWire, speech, transcription
from ..openai.likeness import Json, body_of, changed
from ..openai.server import decode_body
from ..server import Handler

MODELS: Final = {
    "Systran/faster-whisper-small": "automatic-speech-recognition",
    "speaches-ai/Kokoro-82M-v1.0-ONNX": "text-to-speech",
}
"""What each is for."""
VOICES: Final = {"af_heart": ("en-us", "female"), "am_adam": ("en-us", "male"), "ef_dora": ("es", "female")}
"""Language and gender by name."""
SEGMENT: Final = re.compile(r"\s*[^.!?]+[.!?]*")


class SpeachesWire(OpenAiWire):
    """speaches; `base_url` is what a client is to be given.

    Args:
        keys: Which are accepted; empty for any, and none.
        models: Those that are installed; None for any name.
        segments: Whether it streams segments without events around them, as ``faster-whisper-server`` did.
    """

    realtime: ClassVar[bool] = False

    def __init__(
        self, *, keys: Iterable[str] = (), models: Iterable[str] | None = None, segments: bool = False
    ) -> None:
        super().__init__(keys=keys, models=models)
        self._segments = segments

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """See `WireServer.handlers`."""
        there = {
            (method, path): handler
            for (method, path), handler in super().handlers().items()
            if "/audio/" in path or path.endswith("/models")
        }
        return there | {
            ("GET", "/health"): self._health,
            ("GET", f"{self.prefix}/audio/voices"): self._guarded(self._voices),
        }

    def headers(self) -> dict[str, str]:
        """See `WireServer.headers`: there are none."""
        return {}

    def refuse(self, status: int, code: str | None = None) -> Answer:
        """See `WireServer.refuse`."""
        return self.refusal(super().refuse(status, code))

    def refusal(self, answer: Answer) -> Answer:
        """See `OpenAiWire.refusal`: errors are FastAPI's, and who has no key is forbidden to come in."""
        return json_answer(
            {"detail": body_of(answer)["error"]["message"]}, {401: 403}.get(answer.status, answer.status)
        )

    def list_models(self, names: tuple[str, ...]) -> object:
        """See `OpenAiWire.list_models`."""
        data = [
            {
                "id": name,
                "created": 0,
                "object": "model",
                "owned_by": name.partition("/")[0],
                "language": ["en"],
                "task": task,
            }
            for name, task in MODELS.items()
        ]
        return {"data": data, "object": "list"}

    def check_model(self, model: str) -> None:
        """See `OpenAiWire.check_model`: it says how to get it."""
        try:
            super().check_model(model)
        except Refused as refused:
            message = f"Model '{model}' is not installed locally. You can download the model using `POST /v1/models`"
            raise Refused(json_answer({"error": {"message": message}}, 404)) from refused

    def answer_speech(self, body: bytes) -> Answer:
        """See `OpenAiWire.answer_speech`: it has other voices, and nobody counts tokens."""
        asked = decode_body(body, speech.Asked)
        self.check_model(asked.model)
        if asked.voice not in VOICES:
            raise Refused(json_answer({"error": {"message": f"Voice '{asked.voice}' is not supported."}}, 422))
        answer = speech.answer(asked)
        return changed(answer, _uncounted) if asked.stream_format == "sse" else answer

    def answer_transcription(self, upload: transcription.Upload, said: Heard) -> Answer:
        """See `OpenAiWire.answer_transcription`: it streams segments, and its last event has forgotten them."""
        segments = SEGMENT.findall(f" {said.text}")
        if upload.stream and self._segments:
            return sse_answer(*({"text": segment.strip()} for segment in segments), done=False)
        if upload.stream:
            deltas = [{"type": "transcript.text.delta", "delta": segment, "logprobs": None} for segment in segments]
            return sse_answer(*deltas, {"type": "transcript.text.done", "text": "", "logprobs": None}, done=False)
        answer = super().answer_transcription(upload, said)
        return changed(answer, _spaced) if "json" in upload.response_format else answer

    def unsaid(self, upload: transcription.Upload) -> Heard:
        """See `OpenAiWire.unsaid`: numbers, one every 0.3 s."""
        return Heard(" ".join(word.text for word in heard(None, upload.seconds)))

    async def _health(self, _request: Request) -> Answer:
        return json_answer({"message": "OK"})

    async def _voices(self, _request: Request) -> Answer:
        voices = [
            {"name": name, "language": language, "gender": gender, "id": name}
            for name, (language, gender) in VOICES.items()
        ]
        return json_answer({"voices": voices, "object": "list"})


def _uncounted(event: Json) -> Json:
    """Return an event of speech as speaches writes it."""
    if event.pop("usage", None):
        event["token_usage"] = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
    return event


def _spaced(body: Json) -> Json:
    """Return a transcript as speaches writes it: without usage and task, and with words as the model has them."""
    for name in ("usage", "task"):
        body.pop(name, None)
    for word in body.get("words") or ():
        word["word"] = f" {word['word']}"
    return body
