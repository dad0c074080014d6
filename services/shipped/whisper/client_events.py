"""What a client says in a transcription session of OpenAI's realtime protocol, as far as it is understood here.

Members that are not known are left alone: OpenAI's clients have more each month.
"""

from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, Struct, UnsetType, field


class Pcm(Struct, forbid_unknown_fields=True):
    """Samples of 16 bits, little endian, one channel."""

    type: Literal["audio/pcm"] = "audio/pcm"
    rate: int = 24_000


class Transcription(Struct):
    """How speech is written down. Whatever model it names: there is one."""

    language: str | UnsetType | None = UNSET
    prompt: str | UnsetType | None = UNSET


class Input(Struct):
    """The client's audio."""

    format: Pcm | UnsetType = UNSET
    transcription: Transcription | UnsetType = UNSET
    turn_detection: dict[str, Any] | UnsetType | None = UNSET
    noise_reduction: dict[str, Any] | UnsetType | None = UNSET


class Audio(Struct):
    """Both directions of it."""

    input: Input = field(default_factory=Input)


class SessionUpdate(Struct):
    """A new configuration; what is not in it stays."""

    type: str = ""
    audio: Audio = field(default_factory=Audio)


class ClientEvent(Struct):
    """Any event; each kind uses some of the members."""

    type: str
    event_id: str | None = None
    audio: str = ""
    session: SessionUpdate | None = None


class Mistake(Exception):
    """What a client did wrong; it gets an `error` event, and the session goes on."""

    def __init__(self, message: str, *, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.param = param


_decode: Final = msgspec.json.Decoder(ClientEvent).decode


def decode_event(message: str | bytes) -> ClientEvent:
    """Decode a message.

    Raises:
        Mistake: It is no event, or a member is wrong.
    """
    if isinstance(message, bytes):
        raise Mistake("Events are text messages with JSON.", code="invalid_event")
    try:
        return _decode(message)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `$.")
        raise Mistake(f"{reason}.", code="invalid_value", param=path.rstrip("`") or None) from None
    except msgspec.DecodeError:
        raise Mistake("The event is not JSON.", code="invalid_json") from None
