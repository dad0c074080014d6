"""Where a provider's API is and who asks: an address, and the key to it."""

from typing import ClassVar, Final
from urllib.parse import urlsplit

from msgspec import Struct, field

from .http import Deadlines, HttpRequest
from .secret import Secret

JSON: Final = "application/json"


class HttpEndpoint(Struct, frozen=True, kw_only=True):
    """An address and the key to it; the key is sent there and nowhere else.

    Raises:
        ValueError: The address is none or has secrets in it, or a header can't be sent; the text says how to write it.
    """

    key_header: ClassVar[str] = "authorization"
    """In which the key is sent."""
    key_scheme: ClassVar[str] = "Bearer "
    """What stands before the key there."""
    example: ClassVar[str] = "https://api.openai.com/v1"
    """What an address looks like."""

    provider: str
    """Its name, for errors."""
    base_url: str
    """What the provider's own client libraries call so: with the version if they have it there."""
    key: Secret | None = None
    """Local servers commonly need none."""
    headers: dict[str, str] = {}
    """More headers, such as ``OpenAI-Organization``."""
    deadlines: Deadlines = field(default_factory=Deadlines)

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{self.provider}: base_url has to be like {self.example}")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(f"{self.provider}: base_url is an address without a user, query or fragment; use key=")
        for name, value in self.headers.items():
            if not (value.isascii() and value.isprintable()):
                raise ValueError(f"{self.provider}: the header {name} consists of printable ASCII characters")

    def url(self, path: str) -> str:
        """Return the address of a path such as ``/models``."""
        return self.base_url.rstrip("/") + path

    def request(self, method: str, path: str, body: bytes = b"", content_type: str = JSON) -> HttpRequest:
        """Return a request with the key, ready to be sent."""
        headers = dict(self.headers)
        if body:
            headers["content-type"] = content_type
        if self.key:
            headers[self.key_header] = self.key_scheme + self.key.reveal()
        return HttpRequest(method=method, url=self.url(path), headers=headers, body=body)
