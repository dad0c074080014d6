"""The public names of each package, on purpose and not by accident."""

import importlib
import inspect
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

PUBLIC = {
    "troupe.actors.inference.demonstration": "DemonstrationModel",
    "troupe.actors.routing": """
        BreakerPolicy BreakerStatistics Circuit EmbedderPatience FallbackEmbedder FallbackModel FallbackPainter
        FallbackRecogniser FallbackSynthesizer ListProviders ModelPatience Provider ProviderStatus
        RecogniserPatience SynthesizerPatience
    """,
    "troupe.runtime": """
        NO_BACKOFF Actor AutoShutdown Backoff Channel Context Down Duplex DuplexRequest Exit Message Overflow Receiver
        Ref Request Restart Sender Strategy StreamRequest Supervisor System child open_system run supervisor
    """,
    "troupe.runtime.process": "Process Transport",
    "troupe.runtime.testing": """
        DeadlockError Fault Faults InjectedCrash LeakError Recorder VirtualTimeLoop backend_options hold_clock no_leaks
        run
    """,
    "troupe.services.catalogue": """
        CAPABILITIES Capability Locality ModelDescriptor ModelPrice Selector cost describe price_of
    """,
    "troupe.services.cli": "main",
    "troupe.services.config": "Config ConfigError Source read_config",
    "troupe.services.models": """
        Answer Embedder LanguageModel Model Models SpeechToSpeech SpeechToText Spoken SpokenAnswer TextToImage
        TextToSpeech open_model open_models
    """,
    "troupe.services.wire": """
        Close Cut Deaf Drip End Exchange Fault Insert Late Pace Refuse Replace Reset Stall WireServer
    """,
    "troupe.services.wire.anthropic": "AnthropicWire",
    "troupe.services.wire.cartesia": "CartesiaWire",
    "troupe.services.wire.chatterbox": "ChatterboxWire",
    "troupe.services.wire.deepgram": "DeepgramWire",
    "troupe.services.wire.elevenlabs": "ElevenLabsWire",
    "troupe.services.wire.hume": "HumeWire",
    "troupe.services.wire.ollama": "OllamaWire",
    "troupe.services.wire.openai": "Heard OpenAiWire Reply ToolUse",
    "troupe.services.wire.openrouter": "OpenRouterWire",
    "troupe.services.wire.speaches": "SpeachesWire",
    "troupe.services.wire.together": "TogetherWire",
    "troupe.services.wire.whisper_asr": "WhisperAsrWire",
    "troupe.services.wire.whisper_cpp": "WhisperCppWire",
}


def packages_with_a_list() -> set[str]:
    found = set()
    for folder in ("actors", "codecs", "runtime", "services"):
        for path in (ROOT / folder).rglob("__init__.py"):
            if "__all__" in path.read_text():
                found.add("troupe." + ".".join(path.parent.relative_to(ROOT).parts))
    return found


def test_no_package_publishes_names_that_are_not_listed_here() -> None:
    assert packages_with_a_list() == set(PUBLIC)


@pytest.mark.parametrize("package", PUBLIC)
def test_a_package_publishes_what_is_listed_here_and_describes_it(package: str) -> None:
    module = importlib.import_module(package)
    names = PUBLIC[package].split()
    assert sorted(module.__all__) == sorted(names)
    for name in names:
        value = getattr(module, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, name


def test_every_module_says_what_it_is_for() -> None:
    for folder in ("actors", "codecs", "runtime", "services"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            assert text.startswith('"""'), path
