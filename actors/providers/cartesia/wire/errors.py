"""Errors in the middle of a stream."""

from msgspec import Struct

from ....errors import ProviderError
from ....http_errors import complained


class Complaint(Struct):
    """What is common to all messages that say that something went wrong."""

    title: str = ""
    message: str = ""
    error_code: str | None = None
    status_code: int | None = None
    error: str = ""
    """So it was called before 2026."""

    def mapped(self, provider: str) -> ProviderError:
        """Return it as an error: by its status, which is that of HTTP."""
        said = {"message": self.message or self.error or self.title, "type": self.error_code}
        return complained(provider, {**said, "code": str(self.status_code or "")})
