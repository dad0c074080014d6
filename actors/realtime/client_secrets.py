"""The HTTP endpoints that give a browser a key of its own: a client secret with a session's configuration attached.

``POST /v1/realtime/client_secrets`` is GA's; ``/v1/realtime/sessions`` and ``/v1/realtime/transcription_sessions`` are
the beta's, flat, with the secret inside the session. ``POST /api/session`` is ours, for a page of one's own.
"""

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, field
from msgspec.structs import replace

from . import beta
from .client_events import SessionPatch
from .diagnosis import diagnose
from .errors import ClientMistake, body_is_not_json
from .json_values import Json, is_object
from .names import Dialect
from .session_config import BETA_TEMPERATURE, RealtimeSession, Session, TranscriptionSession
from .session_update import updated

SECONDS = 600
"""How long a secret opens sessions, where a request does not say."""
BETA_SECONDS = 60
"""The same for the beta's endpoints."""


class ExpiresAfter(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How long a secret opens sessions; a session that is open outlives it."""

    anchor: Literal["created_at"] = "created_at"
    seconds: Annotated[int, Meta(ge=10, le=7200)] = SECONDS


Names = Annotated[tuple[str, ...], Meta(max_length=8)]


class Wanted(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Providers that a client has chosen for its session, by the names of ``GET /api/providers``; ours.

    The first of a part that works does it, the others are there for when it fails. None: the server's own chain.
    """

    stt: Names = ()
    llm: Names = ()
    tts: Names = ()

    def chain(self, part: Literal["stt", "llm", "tts"]) -> tuple[str, ...]:
        """Return those of a part."""
        return {"stt": self.stt, "llm": self.llm, "tts": self.tts}[part]


NO_WISHES: Final = Wanted()
"""What a client has chosen that has chosen nothing."""


class ClientSecretRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /v1/realtime/client_secrets``."""

    expires_after: ExpiresAfter | None = None
    session: SessionPatch = field(default_factory=lambda: {"type": "realtime"})
    providers: Wanted = NO_WISHES
    """An addition of ours."""


class ClientSecret(Struct, frozen=True, kw_only=True):
    """Answer to it, in JSON as it stands."""

    value: str
    expires_at: int
    """Unix seconds."""
    session: Session

    def __repr__(self) -> str:
        return f"ClientSecret(expires_at={self.expires_at}, session={self.session.id!r})"


class _BetaLifetime(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the beta calls `client_secret` in a request; transcription sessions say `expires_at`."""

    expires_after: ExpiresAfter | None = None
    expires_at: ExpiresAfter | None = None


class ShortRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of ``POST /api/session``, which is ours: what most pages set, without any nesting."""

    model: str | None = None
    instructions: str | None = None
    voice: str | None = None
    language: str | None = None
    """That the user speaks, ISO 639-1; it also has the user's speech written down for the page."""
    seconds: Annotated[int, Meta(ge=10, le=7200)] | None = None
    """How long the secret opens sessions."""

    def patch(self) -> SessionPatch:
        """Return the same as GA has it."""
        patch: SessionPatch = {"type": "realtime"}
        if self.model is not None:
            patch["model"] = self.model
        if self.instructions is not None:
            patch["instructions"] = self.instructions
        audio: dict[str, Any] = {}
        if self.voice is not None:
            audio["output"] = {"voice": self.voice}
        if self.language is not None:
            audio["input"] = {"transcription": {"language": self.language}}
        return {**patch, "audio": audio} if audio else patch


class ShortAnswer(Struct, frozen=True, kw_only=True):
    """Answer to it."""

    token: str
    """The secret."""
    session_id: str
    expires_at: int
    """Unix seconds."""


class SecretRequest(Struct, frozen=True, kw_only=True):
    """What each of the three endpoints is asked for."""

    session: Session
    """The configuration that a session opened with the secret starts from."""
    seconds: int
    """How long the secret opens sessions."""
    providers: Wanted = NO_WISHES
    """Who is to take part in it."""


def read_client_secret_request(body: bytes, *, opening: RealtimeSession, seconds: int = SECONDS) -> SecretRequest:
    """Read the body of ``POST /v1/realtime/client_secrets``; an empty one is fine.

    Args:
        body: JSON.
        opening: what a conversation begins with as far as the request says nothing.
        seconds: how long the secret lives that the request says nothing about.

    Raises:
        ClientMistake: to be answered with HTTP 400 and `error_body`.
    """
    value = _parsed(body)
    try:
        request = msgspec.convert(value, ClientSecretRequest)
    except msgspec.ValidationError:
        raise diagnose(value, ClientSecretRequest) from None
    return SecretRequest(
        session=_started(request.session, Dialect.GA, opening),
        seconds=request.expires_after.seconds if request.expires_after else seconds,
        providers=request.providers,
    )


def read_short_request(body: bytes, *, opening: RealtimeSession, seconds: int = SECONDS) -> SecretRequest:
    """Read the body of ``POST /api/session``; an empty one is fine.

    Raises:
        ClientMistake: to be answered with HTTP 400 and `error_body`.
    """
    value = _parsed(body)
    try:
        request = msgspec.convert(value, ShortRequest)
    except msgspec.ValidationError:
        raise diagnose(value, ShortRequest) from None
    session = _started(request.patch(), Dialect.GA, opening)
    return SecretRequest(session=session, seconds=request.seconds or seconds)


def read_beta_session_request(
    body: bytes,
    kind: Literal["realtime", "transcription"] = "realtime",
    *,
    opening: RealtimeSession,
    seconds: int = BETA_SECONDS,
) -> SecretRequest:
    """Read the body of ``POST /v1/realtime/sessions``, or of ``/transcription_sessions`` for that kind.

    Args as for `read_client_secret_request`.

    Raises:
        ClientMistake: to be answered with HTTP 400 and `error_body`.
    """
    value = _parsed(body)
    asked: object = value.pop("client_secret", {})
    try:
        lifetime = msgspec.convert(asked, _BetaLifetime)
    except msgspec.ValidationError:
        raise diagnose(asked, _BetaLifetime, at=("client_secret",)) from None
    expires = lifetime.expires_after or lifetime.expires_at
    session = _started({**value, "type": kind}, Dialect.BETA, opening)
    return SecretRequest(session=session, seconds=expires.seconds if expires else seconds)


def encode_client_secret(request: SecretRequest, value: str, expires_at: int) -> bytes:
    """Return the answer to ``POST /v1/realtime/client_secrets``."""
    return msgspec.json.encode(ClientSecret(value=value, expires_at=expires_at, session=request.session))


def encode_beta_session(request: SecretRequest, value: str, expires_at: int) -> bytes:
    """Return the answer to the beta's endpoints: the flat session with the secret in it."""
    secret = {"value": value, "expires_at": expires_at}
    return msgspec.json.encode({**beta.session_from_ga(request.session), "client_secret": secret})


def encode_short_answer(request: SecretRequest, value: str, expires_at: int) -> bytes:
    """Return the answer to ``POST /api/session``."""
    return msgspec.json.encode(ShortAnswer(token=value, session_id=request.session.id, expires_at=expires_at))


def error_body(mistake: ClientMistake) -> bytes:
    """Return the body of an HTTP answer that tells a client of its mistake."""
    details = mistake.details()
    error = {"message": details.message, "type": details.type, "param": details.param, "code": details.code}
    return msgspec.json.encode({"error": error})


def _parsed(body: bytes) -> Json:
    try:
        value: object = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise body_is_not_json() from None
    if not is_object(value):
        raise ClientMistake("invalid_type", "Invalid body: expected an object.")
    return value


def _started(patch: SessionPatch, dialect: Dialect, opening: RealtimeSession) -> Session:
    if patch.get("type") == "transcription":
        return updated(TranscriptionSession(), patch, dialect)
    named = patch.get("model")
    if isinstance(named, str) and named:
        opening = replace(opening, model=named)
    if dialect is Dialect.BETA:
        opening = replace(opening, temperature=BETA_TEMPERATURE)
    return updated(opening, patch, dialect)
