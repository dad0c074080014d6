"""``/v1/speak``: texts out; over a WebSocket samples in, and a message at the end of each text."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode

import msgspec
from msgspec import Meta, Struct

from ....contracts import Speech, Synthesize
from ....decoding import decoded
from ....http_errors import complained
from ....options import Options

LONGEST: Final = 2000
"""Characters that one message takes."""


class SpeakOptions(Options, frozen=True, kw_only=True):
    """How to speak, where a request does not say otherwise."""

    model: str
    """Each has one voice: ``aura-2-thalia-en``. A voice that a request names goes before it."""
    rate: Literal[8000, 16_000, 24_000, 32_000, 48_000] = 24_000
    """Of the audio, in Hz."""
    speed: Annotated[float, Meta(ge=0.7, le=1.5)] = 1.0
    """Not every model follows."""
    mip_opt_out: bool = False
    """Whether texts must not be used to improve models, which costs more."""


def speak_query(options: SpeakOptions, request: Synthesize, provider: str, *, streamed: bool) -> str:
    """Return the query of a request.

    Raises:
        InvalidRequest: The speed is out of range.
    """
    options = options.merged(provider, speed=request.speed if request.speed != 1 else None)
    pairs = [
        ("model", request.voice or request.model or options.model),
        ("encoding", "linear16"),
        ("sample_rate", str(options.rate)),
    ]
    if not streamed:
        pairs += [("container", "none")]  # else there is a header in front
    if options.speed != 1:
        pairs += [("speed", f"{options.speed:g}")]
    if options.mip_opt_out:
        pairs += [("mip_opt_out", "true")]
    return urlencode(pairs)


def encode_text(text: str) -> bytes:
    """Return the body of ``POST /v1/speak``."""
    return msgspec.json.encode({"text": text})


def cut(text: str) -> Iterator[str]:
    """Cut a text into what one message takes, at a space if there is one."""
    while len(text) > LONGEST:
        end = text.rfind(" ", 1, LONGEST) + 1 or LONGEST
        yield text[:end]
        text = text[end:]
    yield text


class _Message(Struct):
    type: str = ""


_decode: Final = msgspec.json.Decoder(_Message).decode
_decode_error: Final = msgspec.json.Decoder(dict[str, Any]).decode


class DeepgramTalking:
    """Pieces over one WebSocket; see `troupe.actors.synthesis.Talking`."""

    def __init__(self, provider: str, rate: int) -> None:
        self._provider = provider
        self._rate = rate
        self._waiting: deque[int] = deque()  # pieces that are not complete

    def speak(self, piece: int, text: str) -> Iterable[str]:
        """See `Talking.speak`."""
        self._waiting.append(piece)
        for part in cut(text):
            yield msgspec.json.encode({"type": "Speak", "text": part}).decode()
        yield '{"type":"Flush"}'

    def push(self, message: str | bytes) -> Iterable[Speech]:
        """See `Talking.push`; kinds that are not known say nothing."""
        if isinstance(message, bytes):
            return (Speech(self._waiting[0], message, self._rate),) if self._waiting else ()
        data = message.encode()
        match decoded(_decode, data, self._provider).type:
            case "Flushed" if self._waiting:
                return (Speech(self._waiting.popleft(), b"", self._rate, last=True),)
            case "Error":
                raise complained(self._provider, decoded(_decode_error, data, self._provider))
            case _:
                return ()
