"""The WebSockets: text in and speech out, in one context or several, and audio in and transcripts out."""

from typing import Any, Final, NoReturn

import msgspec
from msgspec import Struct

from ..hearing import Heard, heard
from ..socket import WireSocket
from .speech import Format, Settings, spoken
from .voices import NOT_ON_SOCKETS

SHORTEST: Final = 0.3
"""Seconds of audio that can be committed."""
SESSION: Final = "3b2e9f0a7c6d4e5f8a9b0c1d2e3f4a5b"


class _Said(Struct):
    text: str | None = None
    context_id: str | None = None
    voice_settings: Settings | None = None
    flush: bool = False
    close_context: bool = False
    close_socket: bool = False
    try_trigger_generation: bool = False


class _Context:
    """One text on its way to becoming speech."""

    def __init__(self, settings: Settings | None) -> None:
        self.text = ""
        self.speed = (settings and settings.speed) or 1.0


async def speak(socket: WireSocket, voice: str | None, model: str, form: Format, patience: float) -> None:
    """Speak one text that comes bit by bit; an empty one ends it. A voice that there is not is None."""
    voice = await _check(socket, voice, model)
    context: _Context | None = None
    while True:
        said = await _next(socket, patience)
        if context is None:
            context = _Context(said.voice_settings)
        if said.text == "":
            break
        context.text += "" if said.text == " " and not context.text else said.text or ""
        if said.flush:
            await _say(socket, context, voice, form, {})
    await _say(socket, context, voice, form, {})
    await socket.send({"audio": None, "isFinal": True, "alignment": None, "normalizedAlignment": None})


async def speak_in_contexts(socket: WireSocket, voice: str | None, model: str, form: Format, patience: float) -> None:
    """Speak several texts, each in a context of its own. A voice that there is not is None."""
    voice = await _check(socket, voice, model)
    contexts: dict[str, _Context] = {}
    while True:
        said = await _next(socket, patience)
        if said.close_socket:
            return
        if said.text == "" and said.context_id is None and not said.flush:  # only keeps the connection
            continue
        name = said.context_id or "default"
        context = contexts.get(name)
        if context is None:
            if said.voice_settings is None:
                await _complain(socket, "invalid_request", "The first message of a context has to have voice_settings.")
            if len(contexts) == 5:
                await _complain(socket, "max_active_conversations", "There are too many contexts.")
            context = contexts[name] = _Context(said.voice_settings)
        context.text += "" if said.text == " " and not context.text else said.text or ""
        if said.flush or said.close_context:
            await _say(socket, context, voice, form, {"contextId": name})
        if said.close_context:
            del contexts[name]
            await socket.send({"isFinal": True, "contextId": name})


async def _say(socket: WireSocket, context: _Context, voice: str, form: Format, more: dict[str, Any]) -> None:
    text, context.text = context.text, ""
    for message in spoken(text, voice, form, context.speed):
        await socket.send(message | more)


async def _next(socket: WireSocket, patience: float) -> _Said:
    message = await socket.receive_within(patience)
    if message is None:
        reason = f"Have not received a new text input within the timeout of {patience:g} seconds."
        await socket.close(1008, f"{reason} Streaming input terminated.")
    try:
        return msgspec.json.decode(message, type=_Said)
    except msgspec.DecodeError:
        await _complain(socket, "invalid_message", "The message is invalid.")


async def _check(socket: WireSocket, voice: str | None, model: str) -> str:
    if voice is None:
        await _complain(socket, "voice_id_does_not_exist", "A voice with this voice_id does not exist.")
    if model in NOT_ON_SOCKETS:
        await _complain(socket, "model_not_supported", "This model can't be used over WebSockets.")
    return voice


async def _complain(socket: WireSocket, error: str, message: str) -> NoReturn:
    await socket.send({"message": message, "error": error, "code": 1008})
    await socket.close(1008, message)


# -- recognition -------------------------------------------------------------------------------------------------------


class _Chunk(Struct, kw_only=True):
    message_type: str
    audio_base_64: bytes = b""
    commit: bool = False
    sample_rate: int | None = None


class Realtime(Struct, frozen=True, kw_only=True):
    """What the query of a session says."""

    model: str
    rate: int
    timestamps: bool
    language: str


async def listen(socket: WireSocket, asked: Realtime, text: str | None) -> None:
    """Hear audio segment by segment; the client says where one ends."""
    config = {"sample_rate": asked.rate, "model_id": asked.model, "commit_strategy": "manual"}
    await socket.send({"message_type": "session_started", "session_id": SESSION, "config": config})
    size = start = given = shown = 0
    while True:
        message = await socket.receive()
        try:
            chunk = msgspec.json.decode(message, type=_Chunk)
        except msgspec.DecodeError:
            await socket.send({"message_type": "input_error", "error": "The message is invalid."})
            await socket.close(1008, "input_error")
        size += len(chunk.audio_base_64)
        seconds = size / (2 * asked.rate)
        words = heard(text, seconds, whole=chunk.commit)
        if chunk.commit:
            if (size - start) / (2 * asked.rate) < SHORTEST:
                await socket.send({"message_type": "commit_throttled", "error": "Commit request ignored."})
                continue
            for answer in committed(words[given:], asked):
                await socket.send(answer)
            given, start = len(words), size
        elif len(words) > max(shown, given):
            shown = len(words)
            await socket.send({"message_type": "partial_transcript", "text": written(words[given:])})


def written(words: list[Heard]) -> str:
    """Return the text of words."""
    return " ".join(word.text for word in words)


def committed(words: list[Heard], asked: Realtime) -> list[dict[str, Any]]:
    """Return what is said of a segment."""
    plain: dict[str, Any] = {"message_type": "committed_transcript", "text": written(words)}
    if not asked.timestamps:
        return [plain]
    return [
        plain,
        {
            "message_type": "committed_transcript_with_timestamps",
            "text": written(words),
            "language_code": asked.language,
            "words": timed(words),
        },
    ]


def timed(words: list[Heard]) -> list[dict[str, Any]]:
    """Return words with their times, and the spaces between them."""
    result: list[dict[str, Any]] = []
    for word in words:
        if result:
            result.append({"text": " ", "start": word.start, "end": word.start, "type": "spacing", "logprob": 0.0})
        result.append({"text": word.text, "start": word.start, "end": word.end, "type": "word", "logprob": -0.02})
    return result
