"""What the three actors share: requests with their key, the budget for retries, the list of models."""

from contextlib import AbstractAsyncContextManager

from ...contracts import Model
from ...http import LARGEST_COMPLAINT, HttpAnswer, HttpClient, HttpRequest
from ...http_errors import unexpected
from ...retries import Retries
from .endpoint import Endpoint
from .wire.models import decode_models

JSON = "application/json"


class Api:
    """One endpoint, through the pool of all.

    Args:
        http: The pool.
        endpoint: The address, and the key to it.
    """

    def __init__(self, http: HttpClient, endpoint: Endpoint) -> None:
        self._http = http
        self._endpoint = endpoint
        self._retries = Retries()

    @property
    def provider(self) -> str:
        """The provider's name, for errors."""
        return self._endpoint.provider

    def post(self, path: str, body: bytes, content_type: str = JSON) -> AbstractAsyncContextManager[HttpAnswer]:
        """Send a body and read the answer inside the block; see `HttpClient.stream` for what is raised.

        Before the first byte of an answer it may be sent again: at worst something is computed twice.
        """
        endpoint = self._endpoint
        return self._http.stream(
            self._request("POST", path, body, content_type),
            provider=endpoint.provider,
            deadlines=endpoint.deadlines,
            retries=self._retries,
        )

    async def models(self) -> tuple[Model, ...]:
        """Return which models there are.

        Raises:
            ProviderError: The provider did not say.
        """
        endpoint = self._endpoint
        body = await self._http.fetch(
            self._request("GET", "/models"),
            provider=endpoint.provider,
            deadlines=endpoint.deadlines,
            retries=self._retries,
        )
        return decode_models(body, endpoint.provider)

    async def check_type(self, answer: HttpAnswer, *wanted: str) -> None:
        """See that an answer's media type begins with one of those that are wanted.

        Raises:
            ProviderError: It is an error with the status of a success, or something else altogether.
        """
        if answer.content_type and not answer.content_type.startswith(wanted):
            body = await answer.read(LARGEST_COMPLAINT)
            raise unexpected(self._endpoint.provider, answer.content_type, body)

    def _request(self, method: str, path: str, body: bytes = b"", content_type: str = JSON) -> HttpRequest:
        endpoint = self._endpoint
        headers = dict(endpoint.headers)
        if body:
            headers["content-type"] = content_type
        if endpoint.key:
            headers["authorization"] = f"Bearer {endpoint.key.reveal()}"
        return HttpRequest(method=method, url=endpoint.url(path), headers=headers, body=body)
