"""Where a server is, which one it is, and whether it is ready."""

from typing import ClassVar, Final

from msgspec import field

from ...api import Api
from ...contracts import Model
from ...endpoint import HttpEndpoint
from ...errors import ProviderFailed, ProviderUnavailable
from ...http import Deadlines, HttpClient
from .wire.dialects import ASR, CPP, Dialect
from .wire.transcription import check_health

PATIENCE: Final = Deadlines(connect=2, first=120, between=30, total=600)
"""Requests wait for one another, and without a graphics card a large model is slower than the speaker."""
KNOWN: Final = {"whisper-cpp": ("http://127.0.0.1:8080", CPP), "whisper-asr": ("http://127.0.0.1:9000", ASR)}
"""Where servers are, unless they were told otherwise, and how they want to be asked."""


class WhisperEndpoint(HttpEndpoint, frozen=True, kw_only=True):
    """An address without the path of requests. No server wants a key; what stands in front of it may."""

    example: ClassVar[str] = "http://127.0.0.1:8080"

    dialect: Dialect
    deadlines: Deadlines = field(default_factory=lambda: PATIENCE)


def endpoint(server: str, *, base_url: str | None = None, provider: str | None = None) -> WhisperEndpoint:
    """Return the endpoint of a server.

    Args:
        server: Which of `KNOWN` it is.
        base_url: Its address, if that is not the usual one.
        provider: Its name for errors, if it is another one.

    Raises:
        ValueError: It is not known, or the address is wrong.
    """
    if server not in KNOWN:
        raise ValueError(f"there is no server {server!r}; use one of {', '.join(KNOWN)}")
    address, dialect = KNOWN[server]
    return WhisperEndpoint(provider=provider or server, base_url=base_url or address, dialect=dialect)


class WhisperApi(Api):
    """One endpoint, through the pool of all."""

    def __init__(self, http: HttpClient, endpoint: WhisperEndpoint) -> None:
        super().__init__(http, endpoint)
        self.dialect = endpoint.dialect
        """How it wants to be asked."""

    async def models(self) -> tuple[Model, ...]:
        """Return nothing, as a server has one model and does not say which; but tell whether it is ready.

        Raises:
            ProviderUnavailable: It is not.
            ProviderError: It did not say.
        """
        try:
            health = await self.fetch(self.dialect.health)
        except ProviderFailed as error:
            if error.details.get("status") != 404:
                raise
            # whisper.cpp makes this of every status, and so of "503, the model is being loaded", too
            raise ProviderUnavailable(self.provider, "it is not ready, or another server") from error
        check_health(health, self.dialect, self.provider)
        return ()
