"""What can be set about the server, by environment variables ``CHATTERBOX_...``."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=1)]


class Settings(Struct, frozen=True, kw_only=True):
    """The server's settings; ``CHATTERBOX_MODEL`` sets `model`, and so on."""

    model: Literal["chatterbox", "multilingual", "turbo"] = "chatterbox"
    """English with emotions, 23 languages, or fast English. Where it is fetched to, ``HF_HOME`` says."""
    device: str = "auto"
    """``cpu``, ``cuda``, ``cuda:1``, …, or ``auto``: a GPU if there is one."""
    voices: str = "/voices"
    """The folder of the recordings to speak in the voice of."""
    most_voices: Count = 200
    waiting: Annotated[int, Meta(ge=0)] = 16
    """How many requests may wait; others are refused with 503."""
    longest_text: Count = 4096
    """Characters of a request."""
    longest_stretch: Annotated[int, Meta(ge=50)] = 280
    """Characters that are spoken at a time: the model loses its way in longer ones."""
    largest_upload: Count = 10 * 2**20
    """Bytes of a request."""
    longest_reference: Annotated[float, Meta(gt=0)] = 30.0
    """Seconds of a recording; the model listens to the first ten."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 4123
    engine: str = ""
    """``module:function`` that makes another engine from these settings; empty for Resemble AI's."""
