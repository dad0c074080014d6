"""``python -m shipped.chatterbox``: what the image runs."""

import os

from ..serving.launching import engine_maker, run_server
from ..serving.settings import read_settings
from .app import application
from .settings import Settings


def main() -> None:
    """Read the settings, load the model, serve."""
    settings = read_settings(Settings, "CHATTERBOX", os.environ)
    maker = engine_maker(settings.engine or f"{__package__}.resemble:open_engine")
    run_server(application(maker(settings), settings), settings.port)


if __name__ == "__main__":
    main()
