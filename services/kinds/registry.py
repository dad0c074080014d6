"""Which kinds of providers there are, as data; the package says how to add one.

The order is that in which providers are chosen where a configuration names none.
"""

from typing import Final

from ...actors.inference.catalogue import ENGINES
from .kind import Kind

_EMBEDDED: Final = ("pocketsphinx", "demonstration", "espeak")


def _local(name: str) -> Kind:
    """Make an entry of a local engine."""
    engine = ENGINES[name]
    embedded = name in _EMBEDDED
    return Kind(
        name=name,
        stt=name if engine.kind == "stt" else None,
        llm=name if engine.kind == "llm" else None,
        tts=name if engine.kind == "tts" else None,
        module="embedded" if embedded else name.partition("-")[0],
        engine=name,
        extra=engine.extra,
        embedded=embedded,
        remark=engine.remark,
    )


KINDS: Final[dict[str, Kind]] = {
    kind.name: kind
    for kind in (
        Kind(
            name="deepgram",
            stt="nova-3",
            tts="aura-2-thalia-en",
            key="DEEPGRAM_API_KEY",
            remark="hears and speaks over WebSockets; a voice is a model",
        ),
        Kind(
            name="elevenlabs",
            stt="scribe_v2_realtime",
            tts="eleven_flash_v2_5",
            key="ELEVENLABS_API_KEY",
            remark="speaks with the times of words; hears live and recordings",
        ),
        Kind(
            name="cartesia",
            stt="ink-2",
            tts="sonic-3",
            key="CARTESIA_API_KEY",
            remark="hears and speaks over WebSockets, with the times of words",
        ),
        Kind(
            name="openai",
            stt="gpt-4o-mini-transcribe",
            llm="gpt-4o-mini",
            tts="gpt-4o-mini-tts",
            embedding="text-embedding-3-small",
            image="gpt-image-1-mini",
            key="OPENAI_API_KEY",
            openai_voices=True,
            remark="OpenAI, and with a base_url any server that speaks its API",
        ),
        Kind(name="anthropic", llm="claude-haiku-5-5", key="ANTHROPIC_API_KEY", remark="Claude"),
        Kind(
            name="openrouter",
            llm="openai/gpt-4o-mini",
            key="OPENROUTER_API_KEY",
            remark="models of many providers; tells what each answer costs",
        ),
        Kind(name="together", llm="", embedding="", image="", key="TOGETHER_API_KEY", remark="open models"),
        Kind(name="ollama", llm="", embedding="", remark="Ollama on this machine"),
        # Servers of OpenAI's API on this machine, at their usual ports; see `endpoint.KNOWN`.
        Kind(name="lmstudio", llm="", embedding="", module="openai", remark="LM Studio on this machine"),
        Kind(name="vllm", llm="", embedding="", module="openai", remark="vLLM on this machine"),
        Kind(name="speaches", stt="", tts="", module="openai", remark="speaches on this machine"),
        Kind(
            name="whisper",
            stt="Systran/faster-whisper-small",
            module="openai",
            base_url="http://127.0.0.1:8000/v1",
            remark="a Whisper server with OpenAI's API, such as speaches, on this machine",
        ),
        Kind(
            name="chatterbox",
            tts="chatterbox-tts-1",
            remark="Chatterbox on this machine, in voices of recordings",
        ),
        # In this program; the better ones first.
        *(_local(name) for name in ("moonshine-medium", "moonshine-small", "moonshine-tiny", "kokoro", "kokoro-int8")),
        *(_local(name) for name in _EMBEDDED),
    )
}
