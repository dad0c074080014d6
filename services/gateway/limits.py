"""What the server bears: numbers that bound what any client, or all of them together, can take of it."""

from typing import Annotated

from msgspec import Meta, Struct

from ...actors.realtime.limits import MAX_FRAME_IN

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bounds of one server process; with several workers each has its own.

    None stands for no limit.
    """

    max_sessions: Count = 1000
    """Sessions open at a time; one more is refused with HTTP 503."""
    max_lag: Seconds = 0.25
    """Seconds that the event loop may be late, in the mean of a second; while it is later, HTTP 503."""
    session_minutes: Seconds = 60.0
    """Minutes that a session may last, as at OpenAI; it is told ``session_expired`` then, and closed."""
    sessions_per_key: Count | None = None
    """Sessions that a key may have open at a time, those of its client secrets among them; else HTTP 429."""
    starts_per_minute: Count | None = None
    """Sessions that a key may start in a minute, in bursts of as many; else HTTP 429."""
    guesses_per_minute: Count = 20
    """Wrong keys that an address may try in a minute, in bursts of as many; HTTP 429 for all it tries after that."""
    max_frame: Count = MAX_FRAME_IN
    """Bytes of a frame from a client: 15 MiB of audio in base64, and an envelope; a larger one closes with 1009."""
    max_body: Count = 256 * 1024
    """Bytes of the body of an HTTP request; HTTP 413 for more."""
    open_timeout: Seconds = 10.0
    """Seconds from a connection's first byte, or from its opening, to its complete request."""
    half_open: Count = 2048
    """Connections that may be without a complete request at a time; for one more, the oldest of them has to go."""
    half_open_per_address: Count = 128
    """Those of them that may come from one address."""
    secret_seconds: Annotated[int, Meta(ge=10, le=7200)] = 600
    """Seconds that a client secret opens sessions, where the request for it does not say; 10 to 7200."""
