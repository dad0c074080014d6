"""The playground's files: no build step, nothing from elsewhere, and a policy that lets nothing else run."""

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_FOLDER: Final = Path(__file__).parent / "static"
_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}
HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",  # asks each time, and gets 304 as a rule
}


class Page:
    """One file, read when this module is imported."""

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._body = path.read_bytes()
        self._type = _TYPES[path.suffix]
        self._tag = f'"{sha256(self._body).hexdigest()[:16]}"'

    async def respond(self, request: Request) -> Response:
        """Send the file, unless the browser has it."""
        headers = {**HEADERS, "ETag": self._tag}
        if request.headers.get("if-none-match") == self._tag:
            return Response(status_code=304, headers=headers)
        return Response(self._body, media_type=self._type, headers=headers)


_PAGES: Final = [Page(path) for path in sorted(_FOLDER.iterdir()) if path.suffix in _TYPES]


def playground_routes() -> list[BaseRoute]:
    """Return the routes of the page at ``/`` and of its files; they may be mounted anywhere."""
    return [Route("/" if page.name == "index.html" else f"/playground/{page.name}", page.respond) for page in _PAGES]
