"""``/v0/tts/stream/input``: texts come bit by bit over a WebSocket, and are spoken when that is asked for."""

import base64
from typing import Any, Literal, NoReturn
from uuid import UUID, uuid5

import msgspec
from anyio import to_thread
from msgspec import Struct
from starlette.datastructures import QueryParams

from ..answers import Refused
from ..socket import WireSocket
from . import speech
from .refusals import refusal
from .voices import Library


class _Said(Struct, frozen=True, kw_only=True):
    text: str | None = None
    voice: speech.Voice | None = None
    description: str | None = None
    speed: float | None = None
    trailing_silence: float | None = None
    flush: bool | None = None
    close: bool | None = None


class Stream(Struct, frozen=True, kw_only=True):
    """What the query of a connection says."""

    format: speech.Format
    version: Literal["1", "2"] | None
    stamps: list[Literal["word", "phoneme"]]
    instant_mode: bool
    strip_headers: bool
    binary: bool
    """Whether audio is sent as binary messages; else in JSON."""

    @classmethod
    def asked(cls, query: QueryParams) -> "Stream":
        """Read a query.

        Raises:
            Refused: The API would not take it.
        """
        told = {
            "format": {"type": query.get("format_type", "mp3")},
            "version": query.get("version"),
            "stamps": query.getlist("include_timestamp_types"),
            "instant_mode": _is_true(query.get("instant_mode", "true")),
            "strip_headers": _is_true(query.get("strip_headers", "false")),
            "binary": not _is_true(query.get("no_binary", "false")),
        }
        try:
            return msgspec.convert(told, cls)
        except msgspec.ValidationError:
            raise Refused(refusal(400)) from None


def _is_true(text: str) -> bool:
    return text.lower() == "true"  # the official client writes True


async def speak(socket: WireSocket, stream: Stream, library: Library) -> None:
    """Speak texts until the client wants to end; a voice holds until another one is named."""
    text, voice, number = "", None, 0
    while True:
        said = await _next(socket)
        voice = said.voice or voice
        text += said.text or ""
        if text.strip() and (said.flush or said.close):
            utterance = speech.Utterance(
                text=text,
                voice=voice,
                description=said.description,
                speed=said.speed,
                trailing_silence=said.trailing_silence,
            )
            try:
                messages = await to_thread.run_sync(_spoken, utterance, stream, library, number)
            except Refused as refused:
                body = b"".join(step for step in refused.answer.steps if isinstance(step, bytes))
                await _complain(socket, msgspec.json.decode(body))
            for message in messages:
                await socket.send(message)
            text, number = "", number + 1
        if said.close:
            return


def _spoken(utterance: speech.Utterance, stream: Stream, library: Library, number: int) -> list[dict[str, Any] | bytes]:
    """Return what is said of a text: of each snippet the times, and its audio bit by bit; each text is a generation.

    Raises:
        Refused: The API would not take it.
    """
    asked = speech.Asked(
        utterances=[utterance],
        format=stream.format,
        version=stream.version,
        strip_headers=stream.strip_headers,
        instant_mode=stream.instant_mode,
        include_timestamp_types=stream.stamps,
    )
    asked.check()
    snippets = [each._replace(id=f"{number}-{each.id}") for each in speech.snippets(asked, library)]
    generation = str(uuid5(UUID(speech.GENERATION), str(number)))
    messages = speech.messages(asked, snippets, generation)
    return [base64.b64decode(each["audio"]) if stream.binary and "audio" in each else each for each in messages]


async def _next(socket: WireSocket) -> _Said:
    message = await socket.receive()
    try:
        return msgspec.json.decode(message, type=_Said)
    except msgspec.DecodeError:
        await _complain(socket, {"code": "E0100", "message": "The message is invalid."})


async def _complain(socket: WireSocket, told: dict[str, Any]) -> NoReturn:
    code = told.get("code", "E0101")
    message = told.get("message", "The request is invalid.")
    await socket.send({"type": "error", "code": code, "slug": "invalid_request", "message": message})
    await socket.close(1008, code)
