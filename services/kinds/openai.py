"""OpenAI, and the servers that speak its API: see `troupe.actors.providers.openai`."""

from typing import Literal

from msgspec.structs import replace

from ...actors.providers.openai.chat import OpenAiChat
from ...actors.providers.openai.embeddings import OpenAiEmbeddings
from ...actors.providers.openai.endpoint import KNOWN, Endpoint, endpoint
from ...actors.providers.openai.images import OpenAiImages
from ...actors.providers.openai.realtime import OpenAiRealtime
from ...actors.providers.openai.recogniser import OpenAiRecogniser
from ...actors.providers.openai.speech import OpenAiSpeech
from ...actors.providers.openai.transcription import OpenAiTranscription
from ...actors.providers.openai.wire.options import ChatOptions
from ...actors.providers.openai.wire.realtime import RealtimePrice
from ...actors.providers.openai.wire.speech import SpeechOptions
from ...actors.providers.openai.wire.transcription import TranscriptionOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from ..catalogue.prices import price_of
from .kind import Setup
from .price import ModelPrice
from .remote import RemoteTable


class Table(RemoteTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``."""

    options: ChatOptions = ChatOptions()
    """How the language model answers: `max_tokens`, `temperature`, `reasoning_effort`, …"""
    voice: str = "alloy"
    """The voice that speaks where nobody names one."""
    speech_instructions: str = ""
    """How to speak: tone, accent, mood; not every model follows."""
    speech_format: Literal["pcm", "wav", "mp3", "opus", "aac", "flac"] = "pcm"
    """In which format speech is asked for; some servers do not have PCM."""
    live: bool = False
    """Whether speech is heard while it is spoken, over the realtime API, in place of after each utterance; some local
    servers have that, too."""
    word_times: bool = False
    """Whether transcripts are to have the times of words: for ``whisper-1`` and most local servers. They come without
    partial ones then."""


def stt(setup: Setup[Table]) -> ActorSpec:
    """Make the recogniser."""
    if setup.table.live:
        return child(OpenAiRecogniser, setup.http, _endpoint(setup), setup.model, name=setup.actor)
    options = TranscriptionOptions(model=setup.model, word_times=setup.table.word_times)
    return child(OpenAiTranscription, setup.http, _endpoint(setup), options, name=setup.actor)


def llm(setup: Setup[Table]) -> ActorSpec:
    """Make the language model."""
    return child(OpenAiChat, setup.http, _endpoint(setup), setup.model, setup.table.options, name=setup.actor)


def tts(setup: Setup[Table]) -> ActorSpec:
    """Make the synthesizer."""
    table = setup.table
    options = SpeechOptions(
        model=setup.model,
        voice=table.voice,
        instructions=table.speech_instructions,
        format=table.speech_format,
    )
    return child(OpenAiSpeech, setup.http, _endpoint(setup), options, name=setup.actor)


def embedding(setup: Setup[Table]) -> ActorSpec:
    """Make what turns texts into vectors."""
    return child(OpenAiEmbeddings, setup.http, _endpoint(setup), setup.model, name=setup.actor)


def image(setup: Setup[Table]) -> ActorSpec:
    """Make what makes pictures."""
    return child(OpenAiImages, setup.http, _endpoint(setup), setup.model, name=setup.actor)


def realtime(setup: Setup[Table]) -> ActorSpec:
    """Make what holds conversations by itself."""
    price = setup.table.prices.get(setup.model)
    if price is None and not setup.table.base_url:
        price = price_of(setup.kind.name, setup.model)
    return child(OpenAiRealtime, setup.http, _endpoint(setup), setup.model, _price(price), name=setup.actor)


def _price(price: ModelPrice | None) -> RealtimePrice:
    if price is None:
        return RealtimePrice()
    return RealtimePrice(
        text_input=price.input or 0.0,
        text_cached=price.cached or 0.0,
        text_output=price.output or 0.0,
        audio_input=price.audio_input or 0.0,
        audio_cached=price.audio_cached or 0.0,
        audio_output=price.audio_output or 0.0,
    )


def _endpoint(setup: Setup[Table]) -> Endpoint:
    """Return where it is: a server of an unknown name is asked in the way that most understand."""
    address = setup.table.base_url or setup.kind.base_url
    known = setup.provider if setup.provider in KNOWN or address else setup.kind.name
    there = endpoint(known, base_url=address or None, key=setup.key, deadlines=setup.table.deadlines)
    return replace(there, provider=setup.provider, headers=setup.table.headers)
