"""A voice server with scripted providers in a process of its own: prints its port, and serves.

Args on the command line: workers, seconds to drain, and a folder for a self-signed certificate, or nothing. The
environment variable ``ANSWER`` is what the model answers.
"""

import os
import sys
from functools import partial
from pathlib import Path

if __name__ == "__main__":
    sys.path.append(str(Path(__file__).parent))
    from conversations import Script, scripted_system
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route
    from troupe.services.gateway.app import Gateway
    from troupe.services.gateway.launch import serve
    from troupe.services.gateway.listening import listening_socket
    from troupe.services.gateway.server import Serving
    from troupe.services.gateway.tls import self_signed, tls_context

    workers, drain, folder = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]

    class Served(Gateway):
        def application(self):
            application = super().application()
            application.routes.append(Route("/pid", self._pid))
            return application

        async def _pid(self, _request: Request) -> Response:
            return Response(f"{os.getpid()} {self.connections.statistics().open}")

    def build() -> Gateway:
        return Served(
            system=partial(scripted_system, Script(answer=[os.environ.get("ANSWER", "one two three four")]), 0.2)
        )

    tls = None
    if folder:
        made = self_signed(Path(folder[0]), "127.0.0.1")
        tls = tls_context(made.certificate, made.key)
    listener = listening_socket("127.0.0.1", 0)
    print(listener.getsockname()[1], flush=True)
    sys.exit(serve(build, listener, Serving(drain=drain, tls=tls), workers=workers))
