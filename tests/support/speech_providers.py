"""All providers of speech, each with its wire server: what the conformance suites run over."""

from base64 import b64decode
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from anyio import fail_after, sleep
from msgspec.structs import replace
from troupe.actors.contracts import Say, Speech, Synthesize, Transcribe, Transcript
from troupe.actors.errors import ProviderError, ProviderUnavailable, QuotaExceeded
from troupe.actors.http import Deadlines, HttpClient
from troupe.actors.providers.cartesia.endpoint import CartesiaEndpoint
from troupe.actors.providers.cartesia.recogniser import CartesiaRecogniser
from troupe.actors.providers.cartesia.synthesizer import CartesiaSynthesizer
from troupe.actors.providers.cartesia.wire import recognition as cartesia_recognition
from troupe.actors.providers.cartesia.wire import speech as cartesia_speech
from troupe.actors.providers.chatterbox.endpoint import ChatterboxEndpoint
from troupe.actors.providers.chatterbox.speech import ChatterboxSpeech
from troupe.actors.providers.chatterbox.wire import speech as chatterbox_speech
from troupe.actors.providers.deepgram.endpoint import DeepgramEndpoint
from troupe.actors.providers.deepgram.recogniser import DeepgramRecogniser
from troupe.actors.providers.deepgram.speech import DeepgramSpeech
from troupe.actors.providers.deepgram.synthesizer import DeepgramSynthesizer
from troupe.actors.providers.deepgram.transcription import DeepgramTranscription
from troupe.actors.providers.deepgram.wire.listen import ListenOptions
from troupe.actors.providers.deepgram.wire.speak import SpeakOptions
from troupe.actors.providers.elevenlabs.endpoint import ElevenLabsEndpoint
from troupe.actors.providers.elevenlabs.recogniser import ElevenLabsRecogniser
from troupe.actors.providers.elevenlabs.speech import ElevenLabsSpeech
from troupe.actors.providers.elevenlabs.synthesizer import ElevenLabsSynthesizer
from troupe.actors.providers.elevenlabs.transcription import ElevenLabsTranscription
from troupe.actors.providers.elevenlabs.wire import recognition as elevenlabs_recognition
from troupe.actors.providers.elevenlabs.wire import speech as elevenlabs_speech
from troupe.actors.providers.hume.endpoint import HumeEndpoint
from troupe.actors.providers.hume.speech import HumeSpeech
from troupe.actors.providers.hume.synthesizer import HumeSynthesizer
from troupe.actors.providers.hume.wire import speech as hume_speech
from troupe.actors.providers.openai.endpoint import endpoint
from troupe.actors.providers.openai.speech import OpenAiSpeech
from troupe.actors.providers.openai.transcription import OpenAiTranscription
from troupe.actors.providers.openai.wire.speech import SpeechOptions
from troupe.actors.providers.openai.wire.transcription import TranscriptionOptions
from troupe.actors.providers.whisper.endpoint import endpoint as whisper
from troupe.actors.providers.whisper.transcription import WhisperTranscription
from troupe.actors.providers.whisper.wire.transcription import TranscriptionOptions as WhisperOptions
from troupe.actors.secret import Secret
from troupe.runtime import Ref, child, open_system
from troupe.runtime.specs import ActorSpec
from troupe.services.wire import Exchange, WireServer
from troupe.services.wire.cartesia import CartesiaWire
from troupe.services.wire.chatterbox import ChatterboxWire
from troupe.services.wire.deepgram import DeepgramWire
from troupe.services.wire.elevenlabs import ElevenLabsWire
from troupe.services.wire.hume import HumeWire
from troupe.services.wire.openai import OpenAiWire
from troupe.services.wire.openai import speech as openai_speech
from troupe.services.wire.speaches import SpeachesWire
from troupe.services.wire.tone import tone
from troupe.services.wire.whisper_asr import WhisperAsrWire
from troupe.services.wire.whisper_cpp import WhisperCppWire

KEY = "sk-canary-777"


@dataclass(frozen=True, kw_only=True)
class SpeechProvider:
    """One actor, and the server that stands for its provider."""

    name: str
    wire: type[WireServer]
    path: str
    """Of its requests."""
    actor: Callable[[HttpClient, str, Deadlines], ActorSpec]
    streams: bool
    """Whether it talks over a WebSocket, while somebody speaks."""
    unknown: bytes | None = None
    """Something in the middle of an answer that it does not know; None if an answer has no parts."""
    complaint: bytes | None = None
    """An error in the middle of an answer."""
    complains: type[ProviderError] = ProviderUnavailable
    """What that means."""
    word_times: bool = True
    models: bool = True
    """Whether it has a list of them."""
    audio: Callable[[Exchange], bytes] = lambda exchange: exchange.audio() or exchange.body
    """What its server was given to hear."""
    clones: str = ""
    """Where voices are made from recordings, if it can do that."""
    long: str = "a" * 1900
    """A text that takes more audio than networks hold."""
    spoken: Callable[[str], bytes] = lambda text: tone(text, "", 24_000)
    """What its server says for a text."""


def _openai(url: str, deadlines: Deadlines) -> Any:
    return endpoint("openai", base_url=f"{url}/v1", key=Secret(KEY), deadlines=deadlines)


def _deepgram(url: str, deadlines: Deadlines) -> DeepgramEndpoint:
    return DeepgramEndpoint(base_url=url, key=Secret(KEY), deadlines=deadlines)


def _elevenlabs(url: str, deadlines: Deadlines) -> ElevenLabsEndpoint:
    return ElevenLabsEndpoint(base_url=url, key=Secret(KEY), deadlines=deadlines)


def _hume(url: str, deadlines: Deadlines) -> HumeEndpoint:
    return HumeEndpoint(base_url=url, key=Secret(KEY), deadlines=deadlines)


def _cartesia(url: str, deadlines: Deadlines) -> CartesiaEndpoint:
    return CartesiaEndpoint(base_url=url, key=Secret(KEY), deadlines=deadlines)


def _whisper(server: str) -> Callable[[HttpClient, str, Deadlines], ActorSpec]:
    def actor(http: HttpClient, url: str, deadlines: Deadlines) -> ActorSpec:
        at = replace(whisper(server, base_url=url), key=Secret(KEY), deadlines=deadlines)
        return child(WhisperTranscription, http, at, WhisperOptions(), name="x")

    return actor


KATIE = "f786b574-daa5-4673-aa0c-cbe3e8534c02"
_CARTESIA_ERROR = b'{"type":"error","done":true,"title":"private","message":"private","status_code":503}'
VOICE = "JBFqnCBsd6RMkjVDRZzb"
_SPEAK = f"/v1/text-to-speech/{VOICE}"
_DEEPGRAM_ERROR = b'{"type":"Error","variant":"X","description":"private","code":"NET-0000"}'
_UNKNOWN = b'{"type":"Novelty","message_type":"novelty","new":{"x":1}}'

RECOGNISERS = [
    SpeechProvider(
        name="openai",
        wire=OpenAiWire,
        path="/v1/audio/transcriptions",
        actor=lambda http, url, deadlines: child(
            OpenAiTranscription,
            http,
            _openai(url, deadlines),
            TranscriptionOptions(model="gpt-4o-mini-transcribe"),
            name="x",
        ),
        streams=False,
        unknown=b'data: {"type":"novelty"}\n\n',
        complaint=b'data: {"error":{"message":"private","type":"server_error"}}\n\n',
        word_times=False,
    ),
    SpeechProvider(
        name="deepgram",
        wire=DeepgramWire,
        path="/v1/listen",
        actor=lambda http, url, deadlines: child(
            DeepgramRecogniser, http, _deepgram(url, deadlines), ListenOptions(model="nova-3"), name="x"
        ),
        streams=True,
        unknown=_UNKNOWN,
        complaint=_DEEPGRAM_ERROR,
    ),
    SpeechProvider(
        name="deepgram-recordings",
        wire=DeepgramWire,
        path="/v1/listen",
        actor=lambda http, url, deadlines: child(
            DeepgramTranscription, http, _deepgram(url, deadlines), ListenOptions(model="nova-3"), name="x"
        ),
        streams=False,
    ),
    SpeechProvider(
        name="elevenlabs",
        wire=ElevenLabsWire,
        path="/v1/speech-to-text/realtime",
        actor=lambda http, url, deadlines: child(
            ElevenLabsRecogniser,
            http,
            _elevenlabs(url, deadlines),
            elevenlabs_recognition.RecognitionOptions(model="scribe_v2_realtime"),
            name="x",
        ),
        streams=True,
        unknown=_UNKNOWN,
        complaint=b'{"message_type":"transcriber_error","error":"private"}',
        audio=lambda exchange: b"".join(b64decode(text["audio_base_64"]) for text in exchange.texts()),
    ),
    SpeechProvider(
        name="elevenlabs-recordings",
        wire=ElevenLabsWire,
        path="/v1/speech-to-text",
        actor=lambda http, url, deadlines: child(
            ElevenLabsTranscription,
            http,
            _elevenlabs(url, deadlines),
            elevenlabs_recognition.RecognitionOptions(model="scribe_v2"),
            name="x",
        ),
        streams=False,
    ),
    SpeechProvider(
        name="cartesia",
        wire=CartesiaWire,
        path="/stt/websocket",
        actor=lambda http, url, deadlines: child(
            CartesiaRecogniser,
            http,
            _cartesia(url, deadlines),
            cartesia_recognition.RecognitionOptions(model="ink-2"),
            name="x",
        ),
        streams=True,
        unknown=_UNKNOWN,
        complaint=_CARTESIA_ERROR,
        models=False,
    ),
    SpeechProvider(
        name="speaches",
        wire=SpeachesWire,
        path="/v1/audio/transcriptions",
        actor=lambda http, url, deadlines: child(
            OpenAiTranscription,
            http,
            endpoint("speaches", base_url=f"{url}/v1", key=Secret(KEY), deadlines=deadlines),
            TranscriptionOptions(model="Systran/faster-whisper-small"),
            name="x",
        ),
        streams=False,
        unknown=b'data: {"type":"novelty"}\n\n',
        complaint=b'data: {"detail":"private","error":{"message":"private","type":"server_error"}}\n\n',
        word_times=False,
    ),
    SpeechProvider(
        name="whisper_cpp",
        wire=WhisperCppWire,
        path="/inference",
        actor=_whisper("whisper-cpp"),
        streams=False,
        models=False,
    ),
    SpeechProvider(
        name="whisper_asr",
        wire=WhisperAsrWire,
        path="/asr",
        actor=_whisper("whisper-asr"),
        streams=False,
        models=False,
    ),
]

SYNTHESIZERS = [
    SpeechProvider(
        name="openai",
        wire=OpenAiWire,
        path="/v1/audio/speech",
        actor=lambda http, url, deadlines: child(
            OpenAiSpeech, http, _openai(url, deadlines), SpeechOptions(model="tts-1", voice="nova"), name="x"
        ),
        streams=False,
        word_times=False,
        spoken=lambda text: openai_speech.tone(openai_speech.Asked(model="tts-1", input=text, voice="nova")),
    ),
    SpeechProvider(
        name="deepgram",
        wire=DeepgramWire,
        path="/v1/speak",
        actor=lambda http, url, deadlines: child(
            DeepgramSynthesizer, http, _deepgram(url, deadlines), SpeakOptions(model="aura-2-thalia-en"), name="x"
        ),
        streams=True,
        unknown=_UNKNOWN,
        complaint=_DEEPGRAM_ERROR,
        word_times=False,
        spoken=lambda text: tone(text, "aura-2-thalia-en", 24_000),
    ),
    SpeechProvider(
        name="deepgram-http",
        wire=DeepgramWire,
        path="/v1/speak",
        actor=lambda http, url, deadlines: child(
            DeepgramSpeech, http, _deepgram(url, deadlines), SpeakOptions(model="aura-2-thalia-en"), name="x"
        ),
        streams=False,
        word_times=False,
        spoken=lambda text: tone(text, "aura-2-thalia-en", 24_000),
    ),
    SpeechProvider(
        name="elevenlabs",
        wire=ElevenLabsWire,
        path=f"{_SPEAK}/multi-stream-input",
        actor=lambda http, url, deadlines: child(
            ElevenLabsSynthesizer,
            http,
            _elevenlabs(url, deadlines),
            elevenlabs_speech.SpeechOptions(model="eleven_flash_v2_5", voice=VOICE),
            name="x",
        ),
        streams=True,
        unknown=_UNKNOWN,
        complaint=b'{"message":"private","error":"system_busy","code":1011}',
        long="a" * 2500,
        spoken=lambda text: tone(f"{text} ", VOICE, 24_000),
    ),
    SpeechProvider(
        name="elevenlabs-http",
        wire=ElevenLabsWire,
        path=f"{_SPEAK}/stream/with-timestamps",
        actor=lambda http, url, deadlines: child(
            ElevenLabsSpeech,
            http,
            _elevenlabs(url, deadlines),
            elevenlabs_speech.SpeechOptions(model="eleven_v3", voice=VOICE),
            name="x",
        ),
        streams=False,
        unknown=b'{"novelty":1}\n',
        complaint=b'{"detail":{"code":"system_busy","message":"private"}}\n',
        clones="/v1/voices/add",
        long="a" * 2500,
        spoken=lambda text: tone(text, VOICE, 24_000),
    ),
    SpeechProvider(
        name="cartesia",
        wire=CartesiaWire,
        path="/tts/websocket",
        actor=lambda http, url, deadlines: child(
            CartesiaSynthesizer,
            http,
            _cartesia(url, deadlines),
            cartesia_speech.SpeechOptions(model="sonic-3", voice=KATIE),
            name="x",
        ),
        streams=True,
        unknown=_UNKNOWN,
        complaint=_CARTESIA_ERROR,
        models=False,
        long="a" * 2500,
        spoken=lambda text: tone(text, KATIE, 24_000),
    ),
    SpeechProvider(
        name="speaches",
        wire=SpeachesWire,
        path="/v1/audio/speech",
        actor=lambda http, url, deadlines: child(
            OpenAiSpeech,
            http,
            endpoint("speaches", base_url=f"{url}/v1", key=Secret(KEY), deadlines=deadlines),
            SpeechOptions(model="speaches-ai/Kokoro-82M-v1.0-ONNX", voice="af_heart", streamed="events"),
            name="x",
        ),
        streams=False,
        unknown=b'data: {"type":"novelty"}\n\n',
        complaint=b'data: {"error":{"message":"private","type":"server_error"}}\n\n',
        word_times=False,
        spoken=lambda text: openai_speech.tone(openai_speech.Asked(model="x", input=text, voice="af_heart")),
    ),
    SpeechProvider(
        name="hume",
        wire=HumeWire,
        path="/v0/tts/stream/input",
        actor=lambda http, url, deadlines: child(
            HumeSynthesizer, http, _hume(url, deadlines), hume_speech.SpeechOptions(), name="x"
        ),
        streams=True,
        unknown=b'{"type":"novelty"}',
        complaint=b'{"type":"error","code":"E0300","message":"private"}',
        complains=QuotaExceeded,
        long="a" * 1200,
        spoken=lambda text: tone(text, "Ava Song", 48_000),
    ),
    SpeechProvider(
        name="hume-http",
        wire=HumeWire,
        path="/v0/tts/stream/json",
        actor=lambda http, url, deadlines: child(
            HumeSpeech, http, _hume(url, deadlines), hume_speech.SpeechOptions(), name="x"
        ),
        streams=False,
        unknown=b'{"type":"novelty"}\n',
        complaint=b'{"type":"error","code":"E0300","message":"private"}\n',
        complains=QuotaExceeded,
        spoken=lambda text: tone(text, "Ava Song", 48_000),
    ),
    SpeechProvider(
        name="chatterbox",
        wire=ChatterboxWire,
        path="/v1/audio/speech",
        actor=lambda http, url, deadlines: child(
            ChatterboxSpeech,
            http,
            ChatterboxEndpoint(base_url=f"{url}/v1", key=Secret(KEY), deadlines=deadlines),
            chatterbox_speech.SpeechOptions(),
            name="x",
        ),
        streams=False,
        unknown=b'data: {"type":"novelty"}\n\n',
        complaint=b'data: {"error":{"message":"private","type":"generation_error"}}\n\n',
        word_times=False,
        clones="/v1/voices",
    ),
]


@asynccontextmanager
async def running(provider: SpeechProvider, url: str, **deadlines: float) -> AsyncGenerator[Ref]:
    async with HttpClient.open() as http, open_system(provider.actor(http, url, Deadlines(**deadlines))) as system:
        yield system.ref("x")


class Wires:
    """Servers, one of each kind, for all tests of a session."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._running: dict[type[WireServer], WireServer] = {}

    def fresh(self, kind: type[WireServer]) -> Any:
        """Return the server of this kind, as if it had just been started."""
        if kind not in self._running:
            self._running[kind] = self._stack.enter_context(kind())
        self._running[kind].reset()
        return self._running[kind]


@contextmanager
def running_wires() -> Iterator[Wires]:
    wires = Wires()
    with wires._stack:
        yield wires


async def hear(ref: Ref, *audio: bytes, request: Transcribe | None = None) -> list[Transcript]:
    async with ref.open(request or Transcribe()) as recogniser:
        for pcm in audio:
            await recogniser.send(pcm)
        recogniser.finish()
        return [transcript async for transcript in recogniser]


async def say(ref: Ref, *texts: str, request: Synthesize | None = None) -> list[Speech]:
    async with ref.open(request or Synthesize()) as voice:
        for text in texts:
            await voice.send(Say(text))
        voice.finish()
        return [speech async for speech in voice]


async def outcome(exchange: Exchange) -> str:
    """What became of it, once it is no longer under way."""
    with fail_after(2):
        while not exchange.ended.is_set():
            await sleep(0.002)
    return exchange.outcome
