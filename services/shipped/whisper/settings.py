"""What can be set about the server, by environment variables ``WHISPER_...``."""

from typing import Annotated

from msgspec import Meta, Struct

Count = Annotated[int, Meta(ge=1)]
Seconds = Annotated[float, Meta(gt=0)]


class Settings(Struct, frozen=True, kw_only=True):
    """The server's settings; ``WHISPER_AT_ONCE`` sets `at_once`, and so on."""

    model: str = "small"
    """A size, such as ``large-v3-turbo``, a repository of the Hugging Face hub, or a folder with a converted model."""
    models: str = "/models"
    """The folder into which models are fetched."""
    offline: bool = False
    """Whether only models that are there already are used."""
    device: str = "auto"
    """``cpu``, ``cuda``, or ``auto``: the GPU if there is one."""
    devices: tuple[int, ...] = (0,)
    """Which GPUs; each has the whole model."""
    compute: str = "default"
    """Type of the weights when computing: ``int8``, ``float16``, ``int8_float16``, … ``default`` keeps the model's."""
    threads: Annotated[int, Meta(ge=0)] = 0
    """Of the CPU, for each job; 0 lets the library choose."""
    at_once: Count = 1
    """How many jobs are done at a time."""
    waiting: Annotated[int, Meta(ge=0)] = 32
    """How many more may wait; others are refused with 503."""
    sockets: Count = 64
    """How many WebSockets may be open."""
    largest_upload: Count = 25 * 2**20
    """Bytes of a request."""
    longest: Seconds = 7200.0
    """Seconds of a recording."""
    longest_turn: Seconds = 300.0
    """Seconds of audio of a WebSocket that may wait to be heard."""
    step: Seconds = 1.0
    """Seconds of new audio after which a turn that is still being spoken is looked at again."""
    port: Annotated[int, Meta(ge=1, le=65535)] = 8000
    engine: str = ""
    """``module:function`` that makes another engine from these settings; empty for faster-whisper."""
