"""The server: OpenAI's, and what Together does otherwise."""

from typing import ClassVar, Literal

import msgspec

from ..answers import Answer, json_answer
from ..openai import OpenAiWire, chat
from ..openai.likeness import Json, body_of, changed
from ..replies import Reply
from ..server import Handler


class TogetherWire(OpenAiWire):
    """Together's HTTP API; `base_url` is what a client is to be given."""

    realtime: ClassVar[bool] = False

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """See `WireServer.handlers`."""
        return {
            (method, path): handler for (method, path), handler in super().handlers().items() if "/audio/" not in path
        }

    def headers(self) -> dict[str, str]:
        """See `WireServer.headers`; the limits are those of a second."""
        limits = {f"x-{what}-{name}": "100" for what in ("ratelimit", "tokenlimit") for name in ("limit", "remaining")}
        return {"x-request-id": super().headers()["x-request-id"], "x-ratelimit-reset": "1", **limits}

    def list_models(self, names: tuple[str, ...]) -> object:
        """See `OpenAiWire.list_models`: it is a bare list."""
        return [_model(name) for name in names]

    def answer_chat(self, asked: chat.Asked, reply: Reply, number: int) -> Answer:
        """See `OpenAiWire.answer_chat`: usage always comes, with the last chunk."""
        self.quirks = msgspec.structs.replace(self.quirks, usage_with_finish=True)
        told = {"include_usage": True, "include_obfuscation": False} if asked.stream else None
        answer = super().answer_chat(msgspec.structs.replace(asked, stream_options=told), reply, number)
        return changed(answer, _served)

    def answer_images(self, body: bytes) -> Answer:
        """See `OpenAiWire.answer_images`: sizes are numbers, and a picture says which one it is."""
        asked = msgspec.json.decode(body, type=_AskedForImages)
        count, size = asked.n, f"{asked.width}x{asked.height}"
        theirs = msgspec.json.encode(
            {
                "model": asked.model,
                "prompt": asked.prompt,
                "n": count,
                "size": size,
                "output_format": asked.output_format,
            }
        )
        data = [
            {"index": index, "type": "b64_json", "b64_json": image["b64_json"]}
            for index, image in enumerate(body_of(super().answer_images(theirs))["data"])
        ]
        return json_answer({"id": "oz1-wire", "model": asked.model, "object": "list", "data": data})


class _AskedForImages(msgspec.Struct):
    prompt: str
    model: str
    response_format: Literal["base64"]
    n: int = 1
    width: int = 1024
    height: int = 1024
    output_format: Literal["jpeg", "png"] = "jpeg"


def _served(body: Json) -> Json:
    """Return a completion, or a chunk of one, as Together writes it."""
    for name in ("service_tier", "system_fingerprint"):
        body.pop(name, None)
    if body["object"] == "chat.completion":
        body["prompt"] = []
    for choice in body["choices"]:
        choice["seed"] = 7
        if choice["finish_reason"] == "stop":
            choice["finish_reason"] = "eos"
        said: Json = choice.get("delta", choice.get("message"))
        said.pop("refusal", None)
        said.pop("annotations", None)
        said["role"] = "assistant"
        if "delta" in choice:
            said["token_id"] = 1
    if usage := body.get("usage"):
        for name in ("prompt_tokens_details", "completion_tokens_details"):
            usage.pop(name)
    return body


def _model(name: str) -> Json:
    return {
        "id": name,
        "object": "model",
        "created": chat.CREATED,
        "type": "chat",
        "display_name": f"Wire {name}",
        "organization": "Wire",
        "link": "",
        "license": "mit",
        "context_length": 131_072,
        "pricing": {"hourly": 0, "input": 0.88, "output": 0.88, "base": 0, "finetune": 0},
    }
