"""``python -m troupe.services.wire.cartesia --port 9999``: serve until interrupted."""

import sys

from cyclopts import App

from .server import CartesiaWire

app = App(name="python -m troupe.services.wire.cartesia")


@app.default
def serve(*, host: str = "127.0.0.1", port: int = 9999, key: tuple[str, ...] = ()) -> None:
    """Speak Cartesia's API, without any model behind it; faults are taken at ``POST /wire/faults``.

    Args:
        host: Address to listen on.
        port: Port to listen on; 0 for a free one. The first line of output says where it is.
        key: A key that is accepted; may be repeated. Without any, every key is.
    """
    CartesiaWire(keys=key).run(host, port)


if __name__ == "__main__":
    sys.exit(app())
