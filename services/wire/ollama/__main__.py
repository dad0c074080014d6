"""``python -m troupe.services.wire.ollama --port 11434``: serve until interrupted."""

import sys

from cyclopts import App

from .server import OllamaWire

app = App(name="python -m troupe.services.wire.ollama")


@app.default
def serve(*, host: str = "127.0.0.1", port: int = 11434) -> None:
    """Speak Ollama's HTTP API, without any model behind it; faults are taken at ``POST /wire/faults``.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 for a free one. The first line of output says where it is.
    """
    OllamaWire().run(host, port)


if __name__ == "__main__":
    sys.exit(app())
