"""A service for tests, run in a container: it is well, until it is told not to be. Nothing here imports our code.

What it does at first, the environment says: `LOAD` seconds until it is well, `EXIT` a status to end with at once,
`STUBBORN` to ignore SIGTERM, `TRANSCRIPT` what it hears. Its port is 8000. A POST to ``/die?code=3``,
``/hog`` (memory), ``/unwell`` and ``/slow?seconds=1`` changes how it is.
"""

import http.server
import json
import os
import signal
import sys
import threading
import time
import urllib.parse

WELL = {"since": time.monotonic() + float(os.environ.get("LOAD", "0")), "pause": 0.0}


class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/health":
            well = time.monotonic() >= WELL["since"]
            self.answer(200 if well else 503, {})
        elif self.path == "/v1/models":
            self.answer(200, {"object": "list", "data": [{"id": "stand-in", "object": "model", "owned_by": "tests"}]})
        elif self.path == "/environment":
            self.answer(200, dict(os.environ))
        elif self.path.startswith("/file/"):
            file = os.open(self.path.removeprefix("/file"), os.O_RDONLY)
            self.answer(200, os.read(file, 1 << 16).decode())
            os.close(file)
        else:
            self.answer(404, {})

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        url = urllib.parse.urlsplit(self.path)
        given = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/die":
            print("asked to die", flush=True)
            os._exit(int(given["code"]))
        if url.path == "/unwell":
            WELL["since"] = float("inf")
        elif url.path == "/hog":
            self.answer(200, {})
            held = []
            while True:
                held.append(os.urandom(1 << 20))
        elif url.path == "/slow":
            WELL["pause"] = float(given["seconds"])
        elif url.path == "/v1/audio/transcriptions":
            print(f"hears {len(body)} bytes", flush=True)
            time.sleep(WELL["pause"])
            self.answer(200, {"text": os.environ.get("TRANSCRIPT", "heard in a container"), "words": []})
            return
        self.answer(200, {})


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


if __name__ == "__main__":
    print("begins", flush=True)
    if os.environ.get("EXIT"):
        print("it can't begin", file=sys.stderr, flush=True)
        sys.exit(int(os.environ["EXIT"]))
    server = Server(("", 8000), Handler)

    def ended(*_):
        if not os.environ.get("STUBBORN"):
            threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, ended)
    server.serve_forever(poll_interval=0.05)
    print("ends", flush=True)
