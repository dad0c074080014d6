"""The three actors of the OpenAI provider, running against a wire server."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from language_models import HELLO, KEY, answered, outcome, text_of
from troupe.actors.http import Deadlines, HttpClient
from troupe.actors.providers.openai.chat import OpenAiChat
from troupe.actors.providers.openai.endpoint import endpoint
from troupe.actors.providers.openai.speech import OpenAiSpeech
from troupe.actors.providers.openai.transcription import OpenAiTranscription
from troupe.actors.providers.openai.wire.speech import SpeechOptions
from troupe.actors.providers.openai.wire.transcription import TranscriptionOptions
from troupe.actors.secret import Secret
from troupe.runtime import Ref, child, open_system
from troupe.services.wire.openai import OpenAiWire

__all__ = [
    "CHAT",
    "HELLO",
    "KEY",
    "SPEECH",
    "TRANSCRIPTIONS",
    "answered",
    "chat",
    "outcome",
    "speech",
    "text_of",
    "transcription",
]

CHAT = "/v1/chat/completions"
SPEECH = "/v1/audio/speech"
TRANSCRIPTIONS = "/v1/audio/transcriptions"


@asynccontextmanager
async def chat(wire: OpenAiWire, *, provider: str = "openai", **deadlines: float) -> AsyncGenerator[Ref]:
    at = endpoint(provider, base_url=wire.base_url, key=Secret(KEY), deadlines=Deadlines(**deadlines))
    async with HttpClient.open() as http, open_system(child(OpenAiChat, http, at, "gpt-x", name="chat")) as system:
        yield system.ref("chat")


@asynccontextmanager
async def speech(wire: OpenAiWire, options: SpeechOptions | None = None, **deadlines: float) -> AsyncGenerator[Ref]:
    at = endpoint("openai", base_url=wire.base_url, deadlines=Deadlines(**deadlines))
    options = options or SpeechOptions(model="tts-1", voice="nova")
    async with HttpClient.open() as http, open_system(child(OpenAiSpeech, http, at, options, name="speech")) as system:
        yield system.ref("speech")


@asynccontextmanager
async def transcription(
    wire: OpenAiWire, options: TranscriptionOptions | None = None, **deadlines: float
) -> AsyncGenerator[Ref]:
    at = endpoint("openai", base_url=wire.base_url, deadlines=Deadlines(**deadlines))
    options = options or TranscriptionOptions(model="gpt-4o-mini-transcribe")
    async with (
        HttpClient.open() as http,
        open_system(child(OpenAiTranscription, http, at, options, name="transcription")) as system,
    ):
        yield system.ref("transcription")
