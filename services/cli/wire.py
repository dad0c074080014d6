"""``troupe wire``: a server that speaks a provider's protocol, without the provider; see `troupe.services.wire`."""

from importlib import import_module
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter

from .. import wire as wire_servers
from .failing import MISCONFIGURED, fail

Name = Literal[
    "anthropic",
    "cartesia",
    "chatterbox",
    "deepgram",
    "elevenlabs",
    "hume",
    "ollama",
    "openai",
    "openrouter",
    "speaches",
    "together",
    "whisper_asr",
    "whisper_cpp",
]

SERVERS: Final[dict[Name, str]] = {
    "anthropic": "AnthropicWire",
    "cartesia": "CartesiaWire",
    "chatterbox": "ChatterboxWire",
    "deepgram": "DeepgramWire",
    "elevenlabs": "ElevenLabsWire",
    "hume": "HumeWire",
    "ollama": "OllamaWire",
    "openai": "OpenAiWire",
    "openrouter": "OpenRouterWire",
    "speaches": "SpeachesWire",
    "together": "TogetherWire",
    "whisper_asr": "WhisperAsrWire",
    "whisper_cpp": "WhisperCppWire",
}
"""The class of each, in the package of its name."""
KEYLESS: Final = frozenset({"chatterbox", "ollama", "whisper_asr", "whisper_cpp"})
"""Those whose API knows no keys."""


def wire(
    provider: Annotated[Name, Parameter(help="Whose API to speak.")],
    *,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port to listen on; 0 for a free one.")] = 9999,
    key: Annotated[
        tuple[str, ...],
        Parameter(help="A key that is accepted; may be repeated. Without any, every key is.", show_default=False),
    ] = (),
) -> None:
    """Speak a provider's API, without any model behind it, for trying out clients of it.

    The first line of output says where it is. Faults are taken at ``POST /wire/faults``.
    """
    if key and provider in KEYLESS:
        fail(f"{provider} knows no keys; leave out --key", MISCONFIGURED)
    kind: Any = getattr(import_module(f"{wire_servers.__name__}.{provider}"), SERVERS[provider])
    server: wire_servers.WireServer = kind(keys=key) if key else kind()
    server.run(host, port)
