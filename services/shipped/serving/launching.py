"""Starting a server: its engine is loaded before its port opens, so that who can connect will be served."""

import importlib
import logging
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.types import ASGIApp


def engine_maker(path: str) -> Callable[[Any], Any]:
    """Import what makes an engine from the settings.

    Args:
        path: ``module:function``.

    Raises:
        SystemExit: There is no such thing; the text says what is missing.
    """
    module, _, name = path.partition(":")
    try:
        maker: Callable[[Any], Any] = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise SystemExit(f"the engine {path} can't be loaded ({error}); write it as module:function") from error
    return maker


def run_server(application: ASGIApp, port: int) -> None:
    """Serve on all addresses, which in a container are its own, until told to stop."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    uvicorn.run(
        application,
        host="0.0.0.0",  # noqa: S104
        port=port,
        ws="websockets-sansio",
        ws_max_size=16 * 2**20,
        ws_per_message_deflate=False,
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=10,
    )
