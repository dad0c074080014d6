"""One provider's HTTP API: requests with their key, deadlines and the budget for retries."""

from contextlib import AbstractAsyncContextManager

from .endpoint import JSON, HttpEndpoint
from .http import LARGEST_COMPLAINT, Deadlines, HttpAnswer, HttpClient
from .http_errors import unexpected
from .retries import Retries


class Api:
    """One endpoint, through the pool of all.

    Args:
        http: The pool.
        endpoint: The address, and the key to it.
    """

    def __init__(self, http: HttpClient, endpoint: HttpEndpoint) -> None:
        self._http = http
        self._endpoint = endpoint
        self._retries = Retries()

    @property
    def provider(self) -> str:
        """The provider's name, for errors."""
        return self._endpoint.provider

    def post(
        self, path: str, body: bytes, content_type: str = JSON, *, deadlines: Deadlines | None = None
    ) -> AbstractAsyncContextManager[HttpAnswer]:
        """Send a body and read the answer inside the block; see `HttpClient.stream` for what is raised.

        Before the first byte of an answer it may be sent again: at worst something is computed twice. Deadlines are the
        endpoint's, unless others are given.
        """
        endpoint = self._endpoint
        return self._http.stream(
            endpoint.request("POST", path, body, content_type),
            provider=endpoint.provider,
            deadlines=deadlines or endpoint.deadlines,
            retries=self._retries,
        )

    async def fetch(self, path: str, body: bytes | None = None) -> bytes:
        """Return what is at a path, or what is answered to a body of JSON, up to 16 MiB.

        Raises:
            ProviderError: The provider did not say.
        """
        endpoint = self._endpoint
        return await self._http.fetch(
            endpoint.request("GET", path) if body is None else endpoint.request("POST", path, body),
            provider=endpoint.provider,
            deadlines=endpoint.deadlines,
            retries=self._retries,
        )

    async def check_type(self, answer: HttpAnswer, *wanted: str) -> None:
        """See that an answer's media type begins with one of those that are wanted.

        Raises:
            ProviderError: It is an error with the status of a success, or something else altogether.
        """
        if answer.content_type and not answer.content_type.startswith(wanted):
            body = await answer.read(LARGEST_COMPLAINT)
            raise unexpected(self._endpoint.provider, answer.content_type, body)
