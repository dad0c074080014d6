"""One provider's HTTP API: requests with their key, deadlines and the budget for retries."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from copy import copy
from functools import partial
from typing import Self

from .contracts import CloneVoice, Model, Voice
from .endpoint import JSON, HttpEndpoint
from .http import LARGEST_COMPLAINT, Deadlines, HttpAnswer, HttpClient
from .http_errors import unexpected
from .retries import Retries
from .usage import Meters
from .websocket import SocketRequest, WebSocket, connect


class Api:
    """One endpoint, through the pool of all; what else a provider has at its address is in a subclass.

    Args:
        http: The pool.
        endpoint: The address, and the key to it.
    """

    def __init__(self, http: HttpClient, endpoint: HttpEndpoint) -> None:
        self._http = http
        self._endpoint = endpoint
        self._retries = Retries()
        self.meters = Meters()
        """What was used of all its models."""
        self.meter = self.meters.of("")
        """What counts the requests that are sent through this."""

    def of(self, model: str) -> Self:
        """Return the same API, with requests that are counted as those of a model."""
        api = copy(self)
        api.meter = self.meters.of(model)
        return api

    @property
    def provider(self) -> str:
        """The provider's name, for errors."""
        return self._endpoint.provider

    @property
    def deadlines(self) -> Deadlines:
        """How long it may take."""
        return self._endpoint.deadlines

    async def models(self) -> tuple[Model, ...]:
        """Return which models there are: this costs nothing, and tells whether the key is good.

        Raises:
            ProviderError: The provider did not say.
        """
        raise NotImplementedError

    async def model(self, id: str) -> Model:  # noqa: A002
        """Return what the provider tells of one of them, where it does.

        Raises:
            ModelNotFound: There is none of that name.
            ProviderError: The provider did not say.
        """
        raise NotImplementedError

    async def voices(self) -> tuple[Voice, ...]:
        """Return which voices there are, of a provider that speaks.

        Raises:
            ProviderError: The provider did not say.
        """
        raise NotImplementedError

    async def clone_voice(self, request: CloneVoice) -> Voice:
        """Make a voice from recordings, at a provider that can.

        Raises:
            InvalidRequest: The provider does not take such recordings.
            ProviderError: The provider did not do it.
        """
        raise NotImplementedError

    async def delete_voice(self, id: str) -> None:  # noqa: A002
        """Delete a voice that was made so.

        Raises:
            ModelNotFound: There is none.
            ProviderError: The provider did not do it.
        """
        raise NotImplementedError

    def socket(self, path: str) -> Callable[[], AbstractAsyncContextManager[WebSocket]]:
        """Return what connects to a path by WebSocket, each time it is called; see `websocket.connect`."""
        endpoint = self._endpoint
        where = SocketRequest.of(endpoint.request("GET", path))
        return partial(
            connect,
            where,
            provider=endpoint.provider,
            deadlines=endpoint.deadlines,
            retries=self._retries,
            meter=self.meter,
        )

    def post(
        self,
        path: str,
        body: bytes,
        content_type: str = JSON,
        *,
        deadlines: Deadlines | None = None,
        once: bool = False,
        cautious: bool = False,
    ) -> AbstractAsyncContextManager[HttpAnswer]:
        """Send a body and read the answer inside the block; see `HttpClient.stream` for what is raised.

        Before the first byte of an answer it may be sent again: at worst something is computed twice. With `cautious`,
        for what costs money, only if it was refused, or never got there; with `once`, for what must not be there twice,
        never. Deadlines are the endpoint's, unless others are given.
        """
        endpoint = self._endpoint
        return self._http.stream(
            endpoint.request("POST", path, body, content_type),
            provider=endpoint.provider,
            deadlines=deadlines or endpoint.deadlines,
            retries=None if once else self._retries,
            meter=self.meter,
            cautious=cautious,
        )

    async def fetch(self, path: str, body: bytes | None = None, *, method: str = "") -> bytes:
        """Return what is at a path, or what is answered to a body of JSON, up to 16 MiB.

        Args:
            path: Where to ask.
            body: JSON to be sent.
            method: None of GET, or with a body POST, but another one.

        Raises:
            ProviderError: The provider did not say.
        """
        endpoint = self._endpoint
        return await self._http.fetch(
            endpoint.request(method or ("GET" if body is None else "POST"), path, body or b""),
            provider=endpoint.provider,
            deadlines=endpoint.deadlines,
            retries=self._retries,
            meter=self.meter,
        )

    async def check_type(self, answer: HttpAnswer, *wanted: str) -> None:
        """See that an answer's media type begins with one of those that are wanted.

        Raises:
            ProviderError: It is an error with the status of a success, or something else altogether.
        """
        if answer.content_type and not answer.content_type.startswith(wanted):
            body = await answer.read(LARGEST_COMPLAINT)
            raise unexpected(self._endpoint.provider, answer.content_type, body)
