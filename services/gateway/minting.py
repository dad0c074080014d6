"""The endpoints that give out client secrets: OpenAI's own, those of its beta, and a short one for one's own pages."""

from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple, Protocol

from ...actors.realtime.client_secrets import (
    SecretRequest,
    encode_beta_session,
    encode_client_secret,
    encode_short_answer,
    read_beta_session_request,
    read_client_secret_request,
    read_short_request,
)
from ...actors.realtime.session_config import RealtimeSession


class Reader(Protocol):
    """Reads a request; see `read_client_secret_request`."""

    def __call__(self, body: bytes, *, opening: RealtimeSession, seconds: int) -> SecretRequest:
        """Raises `ClientMistake`."""
        ...


class Endpoint(NamedTuple):
    """What a path is asked, and how it answers."""

    path: str
    read: Reader
    encode: Callable[[SecretRequest, str, int], bytes]
    """Takes what was asked for, the secret, and when it expires in seconds of Unix time."""


ENDPOINTS: Final = (
    Endpoint("/v1/realtime/client_secrets", read_client_secret_request, encode_client_secret),
    Endpoint("/v1/realtime/sessions", read_beta_session_request, encode_beta_session),
    Endpoint(
        "/v1/realtime/transcription_sessions",
        partial(read_beta_session_request, kind="transcription"),
        encode_beta_session,
    ),
    Endpoint("/api/session", read_short_request, encode_short_answer),
)
