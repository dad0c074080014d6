"""Which kinds of providers there are, as data; the package says how to add one.

The order is that in which providers are chosen where a configuration names none. Kinds that other packages bring (see
`outside`) stand before those that are in this program.
"""

from typing import Final

from ...actors.inference.catalogue import ENGINES
from .kind import Kind
from .outside import outside

_EMBEDDED: Final = ("pocketsphinx", "demonstration", "espeak")
_LANGUAGE: Final = ("summarization", "translation")
_LANGUAGE_AND_MORE: Final = (*_LANGUAGE, "tool-calling", "image-text-to-text")
_LIVE: Final = ("streaming-speech-to-text", "word-timestamps", "streaming-text-to-speech")


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
        capabilities=_LIVE if name != "demonstration" else ("tool-calling",),
        remark=engine.remark,
    )


_OWN: Final = {
    kind.name: kind
    for kind in (
        Kind(
            name="deepgram",
            stt="nova-3",
            tts="aura-2-thalia-en",
            key="DEEPGRAM_API_KEY",
            capabilities=_LIVE,
            remark="hears and speaks over WebSockets; a voice is a model",
        ),
        Kind(
            name="elevenlabs",
            stt="scribe_v2_realtime",
            tts="eleven_flash_v2_5",
            key="ELEVENLABS_API_KEY",
            capabilities=(*_LIVE, "voice-cloning"),
            remark="speaks with the times of words; hears live and recordings",
        ),
        Kind(
            name="cartesia",
            stt="ink-2",
            tts="sonic-3",
            key="CARTESIA_API_KEY",
            capabilities=_LIVE,
            remark="hears and speaks over WebSockets, with the times of words",
        ),
        Kind(
            name="hume",
            tts="octave",
            key="HUME_API_KEY",
            capabilities=("streaming-text-to-speech",),
            remark="acts: an emotion, and how strong it is; access was to end on 2026-11-13",
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
            capabilities=_LANGUAGE_AND_MORE,
            remark="OpenAI, and with a base_url any server that speaks its API",
        ),
        Kind(
            name="anthropic",
            llm="claude-haiku-5-5",
            key="ANTHROPIC_API_KEY",
            capabilities=_LANGUAGE_AND_MORE,
            remark="Claude",
        ),
        Kind(
            name="openrouter",
            llm="openai/gpt-4o-mini",
            key="OPENROUTER_API_KEY",
            capabilities=_LANGUAGE_AND_MORE,
            remark="models of many providers; tells what each answer costs",
        ),
        Kind(
            name="together",
            llm="",
            embedding="",
            image="",
            key="TOGETHER_API_KEY",
            capabilities=_LANGUAGE,
            remark="open models",
        ),
        Kind(name="ollama", llm="", embedding="", capabilities=_LANGUAGE, remark="Ollama on this machine"),
        # Servers of OpenAI's API on this machine, at their usual ports; see `endpoint.KNOWN`.
        Kind(name="lmstudio", llm="", embedding="", module="openai", remark="LM Studio on this machine"),
        Kind(name="vllm", llm="", embedding="", module="openai", remark="vLLM on this machine"),
        Kind(
            name="speaches",
            stt="",
            tts="",
            module="openai",
            capabilities=("streaming-text-to-speech",),
            remark="speaches on this machine",
        ),
        Kind(
            name="whisper",
            stt="Systran/faster-whisper-small",
            module="openai",
            base_url="http://127.0.0.1:8000/v1",
            remark="a Whisper server with OpenAI's API, such as speaches, on this machine",
        ),
        Kind(
            name="whisper-cpp",
            stt="whisper",
            module="whisper_server",
            capabilities=("word-timestamps",),
            remark="whisper.cpp's server on this machine",
        ),
        Kind(
            name="whisper-asr",
            stt="whisper",
            module="whisper_server",
            capabilities=("word-timestamps",),
            remark="whisper-asr-webservice on this machine",
        ),
        Kind(
            name="chatterbox",
            tts="chatterbox-tts-1",
            capabilities=("streaming-text-to-speech", "voice-cloning"),
            remark="Chatterbox on this machine, in voices of recordings",
        ),
        Kind(
            name="browser",
            stt="browser",
            tts="browser",
            named_only=True,
            remark="the browser of a session's page, which hears and speaks by itself",
        ),
        Kind(
            name="function",
            stt="function",
            llm="function",
            tts="function",
            embedding="function",
            named_only=True,
            remark="a Python function of your own",
        ),
        Kind(name="onnx", embedding="onnx", named_only=True, remark="an embedding model in an ONNX file of your own"),
    )
}

# In this program; the better ones first.
_LOCAL: Final = ("moonshine-medium", "moonshine-small", "moonshine-tiny", "kokoro", "kokoro-int8", *_EMBEDDED)

KINDS: Final[dict[str, Kind]] = {**_OWN, **outside({*_OWN, *ENGINES}), **{name: _local(name) for name in _LOCAL}}
"""By name."""
