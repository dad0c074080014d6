"""Running what a command does with models: what goes wrong ends it with a sentence, not with a traceback."""

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from ...actors.errors import ProviderError, first_error
from ...actors.inference.errors import InferenceError
from ...codecs.errors import CodecError
from ...runtime.errors import StartFailed
from ..config import ConfigError
from .failing import MISCONFIGURED, fail

INTERRUPTED: Final = 130
"""The process's status after Ctrl-C."""


def run(command: Callable[[], Awaitable[None]]) -> None:
    """Run a command on an event loop.

    Raises:
        SystemExit: It could not do what it was asked to; standard error says why.
    """
    try:
        anyio.run(command)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except (ConfigError, ProviderError, InferenceError, CodecError, StartFailed, OSError, ExceptionGroup) as error:
        cause = first_error(error)
        match cause:
            case ConfigError():
                fail(str(cause), MISCONFIGURED)
            case ProviderError() | InferenceError() | CodecError():
                fail(str(cause), 1)
            case StartFailed():
                fail(f"it could not start: {cause}", 1)
            case OSError():
                fail(f"{cause.filename}: {cause.strerror}" if cause.filename else str(cause), 1)
            case _:
                raise
