"""Conversations over the realtime API: who waits for whom, what was used, and the keys for browsers.

What is said both ways is that of `troupe.actors.realtime`. The API is OpenAI's
(https://platform.openai.com/docs/guides/realtime); ``/realtime/sessions``, which made such keys before, is deprecated.
"""

from typing import Any, Final
from urllib.parse import quote

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from ....contracts import Usage
from ....decoding import decoded
from ....errors import InvalidRequest, ProviderError
from ....http_errors import complained
from ....realtime import response_events, server_events
from ....realtime.client_secrets import ClientSecret
from ....realtime.responses import Usage as Used
from ....realtime.server_decoding import decode_server_event
from ....realtime.session_config import RealtimeSession, Session, TranscriptionSession
from ....realtime.session_update import difference
from ....speech_to_speech.converse import MintClientSecret

SECRETS: Final = "/realtime/client_secrets"
EXPIRED: Final = "session_expired"
"""The code of the error with which the service ends a session whose time is up."""


def path(model: str) -> str:
    """Return where to connect to for a conversation with a model."""
    return f"/realtime?model={quote(model, safe='')}"


class RealtimePrice(Struct, frozen=True, kw_only=True):
    """What a model costs, in US dollars per million tokens."""

    text_input: float = 0.0
    text_cached: float = 0.0
    text_output: float = 0.0
    audio_input: float = 0.0
    audio_cached: float = 0.0
    audio_output: float = 0.0

    def cost(self, used: Used) -> float:
        """Return what a response has cost, in US dollars; pictures count as text."""
        inputs, cached, outputs = (
            used.input_token_details,
            used.input_token_details.cached_tokens_details,
            used.output_token_details,
        )
        cached_text = cached.text_tokens + cached.image_tokens
        text = inputs.text_tokens + inputs.image_tokens - cached_text
        audio = inputs.audio_tokens - cached.audio_tokens
        return (
            text * self.text_input
            + cached_text * self.text_cached
            + audio * self.audio_input
            + cached.audio_tokens * self.audio_cached
            + outputs.text_tokens * self.text_output
            + outputs.audio_tokens * self.audio_output
        ) / 1e6


def usage_of(event: server_events.ServerEvent, price: RealtimePrice) -> Usage | None:
    """Return what an event says was used, if it does."""
    match event:
        case response_events.ResponseDone(response=response) if response.usage is not None:
            used = response.usage
            return Usage(
                input_tokens=used.input_tokens,
                cached_tokens=used.input_token_details.cached_tokens,
                output_tokens=used.output_tokens,
                cost=price.cost(used),
            )
        case server_events.InputAudioTranscriptionCompleted(usage=server_events.TokenUsage() as used):
            return Usage(input_tokens=used.input_tokens, output_tokens=used.output_tokens)
        case server_events.InputAudioTranscriptionCompleted(usage=server_events.DurationUsage() as used):
            return Usage(seconds=used.seconds)
        case _:
            return None


def decode_event(message: str | bytes, provider: str) -> server_events.ServerEvent | None:
    """Return the event in a message; None for one of an unknown kind.

    Raises:
        BrokenStream: It makes no sense.
    """
    return decoded(decode_server_event, message.encode() if isinstance(message, str) else message, provider)


def failure(error: server_events.ErrorEvent, provider: str) -> ProviderError:
    """Return the error that an event stands for."""
    return complained(provider, msgspec.to_builtins(error.error))


def encode_secret_request(request: MintClientSecret, model: str, provider: str) -> bytes:
    """Encode the body that asks for a key.

    Raises:
        InvalidRequest: A value is out of range.
    """
    session = request.session
    if isinstance(session, RealtimeSession):
        session = replace(session, model=session.model or model)
        before: Session = RealtimeSession(model="")
    else:
        before = TranscriptionSession()
    try:
        msgspec.convert(msgspec.to_builtins(request), MintClientSecret)
    except msgspec.ValidationError as error:
        raise InvalidRequest(provider, str(error).replace("`", "")) from None
    asked: dict[str, Any] = difference(before, session)
    if isinstance(session, RealtimeSession):
        asked["model"] = session.model
    expires = {"anchor": "created_at", "seconds": request.seconds}
    return msgspec.json.encode({"expires_after": expires, "session": asked})


class _Minted(Struct):
    value: str
    expires_at: int
    session: msgspec.Raw = msgspec.Raw(b"{}")


_decode_minted: Final = msgspec.json.Decoder(_Minted).decode


def decode_secret(body: bytes, asked: Session, provider: str) -> ClientSecret:
    """Decode the answer to it; where it does not tell the session, that is the one that was asked for.

    Raises:
        BrokenStream: It makes no sense.
    """
    minted = decoded(_decode_minted, body, provider)
    told = decode_event(b'{"type":"session.created","session":%b}' % bytes(minted.session), provider)
    session = told.session if isinstance(told, server_events.SessionCreated) else asked
    return ClientSecret(value=minted.value, expires_at=minted.expires_at, session=session)
