"""What ``troupe service new`` writes: a service that runs as it is, to be changed."""

from pathlib import Path
from typing import Final

MANIFEST: Final = """\
# Every key is explained in docs/docker.md.
name: {name}
version: "1.0"
description: Says hello
build: {{context: ., args: {{BASE: "python:3.13-slim"}}}}
ports: {{http: 8000}}
environment: {{GREETING: hello}}
health: {{http: /health, interval: 10s}}
requirements: {{memory: 256m}}
start_grace: 30s
# provider: {{kind: openai, path: /v1}}   # if it speaks OpenAI's API; then capabilities: [stt], for example
"""

DOCKERFILE: Final = """\
ARG BASE
FROM ${BASE}
COPY server.py /server.py
# The service can't change its own files, has no rights beyond them, and is stopped by SIGTERM.
CMD ["python3", "-u", "/server.py"]
"""

SERVER: Final = '''\
"""A service: it answers GET /health when it is ready, and whatever else it is for."""

import os
import signal
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        found = self.path in ("/", "/health")
        body = (os.environ.get("GREETING", "hello") if found else "not here").encode()
        self.send_response(200 if found else 404)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


server = ThreadingHTTPServer(("", 8000), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
print("listens on port 8000")
server.serve_forever()
'''


def write(folder: Path, name: str) -> list[Path]:
    """Write the files of a service called `name`; return them.

    Raises:
        FileExistsError: One is there already.
    """
    texts = {
        "troupe.service.yml": MANIFEST.format(name=name),
        "Dockerfile": DOCKERFILE,
        "server.py": SERVER,
        ".dockerignore": "*\n!server.py\n",
    }
    files = [folder / file for file in texts]
    for file in files:
        if file.exists():
            raise FileExistsError(str(file))
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in zip(files, texts.values(), strict=True):
        file.write_text(text, encoding="utf-8")
    return files
