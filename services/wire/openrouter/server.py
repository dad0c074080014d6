"""The server: OpenAI's, and what OpenRouter does otherwise."""

from dataclasses import replace
from typing import Any, ClassVar, Final

import msgspec

from ..answers import Answer, json_answer
from ..openai import OpenAiWire, chat
from ..openai.likeness import Json, body_of, changed
from ..replies import Reply
from ..server import Handler

PROMPT_PRICE: Final = 0.15e-6
"""US dollars per token."""
COMPLETION_PRICE: Final = 0.6e-6
WAITING: Final = b": OPENROUTER PROCESSING\n\n"
"""What is sent while a provider has not answered."""
_TYPES: Final = {
    400: "invalid_request",
    401: "authentication",
    402: "payment_required",
    403: "permission_denied",
    404: "not_found",
    408: "timeout",
    413: "payload_too_large",
    429: "rate_limit_exceeded",
    500: "server",
    502: "provider_unavailable",
    503: "provider_overloaded",
}


class OpenRouterWire(OpenAiWire):
    """OpenRouter's HTTP API; `base_url` is what a client is to be given."""

    realtime: ClassVar[bool] = False

    prefix: ClassVar[str] = "/api/v1"

    def handlers(self) -> dict[tuple[str, str], Handler]:
        """See `WireServer.handlers`."""
        return {
            (method, path): handler
            for (method, path), handler in super().handlers().items()
            if not any(other in path for other in ("/audio/", "/images/"))
        }

    def headers(self) -> dict[str, str]:
        """See `WireServer.headers`."""
        return {
            "x-generation-id": f"gen-{super().headers()['x-request-id'].removeprefix('req_')}",
            "server": "cloudflare",
        }

    def refuse(self, status: int, code: str | None = None) -> Answer:
        """See `WireServer.refuse`."""
        return self.refusal(super().refuse(status, code), code)

    def refusal(self, answer: Answer, code: str | None = None) -> Answer:
        """See `OpenAiWire.refusal`."""
        kind = code or _TYPES.get(answer.status, "unmapped")
        error = {
            "code": answer.status,
            "message": body_of(answer)["error"]["message"],
            "metadata": {"error_type": kind},
        }
        return json_answer({"error": error, "user_id": "user_wire"}, answer.status)

    def list_models(self, names: tuple[str, ...]) -> object:
        """See `OpenAiWire.list_models`."""
        return {"data": [_model(name) for name in names], "total_count": len(names), "links": {"next": None}}

    def answer_chat(self, asked: chat.Asked, reply: Reply, number: int) -> Answer:
        """See `OpenAiWire.answer_chat`: usage comes always, with its cost, and something comes at once."""
        told = msgspec.structs.replace(
            asked, stream_options={"include_usage": True, "include_obfuscation": False} if asked.stream else None
        )
        answer = changed(super().answer_chat(told, reply, number), lambda body: _routed(body, reply))
        if not answer.streamed:
            return answer
        *events, done = answer.steps  # the waiting goes out with the first event, so that faults count events only
        assert isinstance(events[0], bytes)
        return replace(answer, steps=(WAITING * 2 + events[0], *events[1:], done))


def _routed(body: Json, reply: Reply) -> Json:
    """Return a completion, or a chunk of one, as OpenRouter passes it on."""
    body["id"] = body["id"].replace("chatcmpl", "gen")
    body["provider"] = "OpenAI"
    for choice in body["choices"]:
        choice["native_finish_reason"] = choice["finish_reason"]
        said: dict[str, Any] = choice.get("delta", choice.get("message"))
        said["role"] = "assistant"
        said.pop("annotations", None)
        if reply.thinking and "message" in choice:
            said["reasoning"] = reply.thinking
    if usage := body.get("usage"):
        heard, written = usage["prompt_tokens"], usage["completion_tokens"]
        usage["prompt_tokens_details"] = {
            "cached_tokens": reply.cached_tokens,
            "cache_write_tokens": 0,
            "audio_tokens": 0,
        }
        prompt, completion = PROMPT_PRICE * heard, COMPLETION_PRICE * written
        usage |= {"cost": prompt + completion, "is_byok": False}
        usage["cost_details"] = {
            "upstream_inference_cost": None,
            "upstream_inference_prompt_cost": prompt,
            "upstream_inference_completions_cost": completion,
        }
    else:
        body.pop("usage", None)
    return body


def _model(name: str) -> Json:
    return {
        "id": name,
        "canonical_slug": name,
        "name": f"Wire: {name}",
        "created": chat.CREATED,
        "description": "Says what it is told to.",
        "context_length": 128_000,
        "architecture": {
            "modality": "text+image->text",
            "input_modalities": ["text", "image"],
            "output_modalities": ["text"],
            "tokenizer": "GPT",
            "instruct_type": None,
        },
        "pricing": {"prompt": "0.00000015", "completion": "0.0000006", "input_cache_read": "0.000000075"},
        "top_provider": {"context_length": 128_000, "max_completion_tokens": 16_384, "is_moderated": True},
        "per_request_limits": None,
        "supported_parameters": ["max_tokens", "temperature", "tools", "tool_choice"],
        "default_parameters": None,
        "supported_voices": None,
        "expiration_date": None,
        "links": {"details": f"/api/v1/models/{name}/endpoints"},
    }
