"""Makes ``docs/terminal.gif`` from the real thing: ``troupe serve``, and ``troupe talk`` in a terminal of its own.

Needs Debian's ``chromium`` and ``ffmpeg``, and what the tests need. Run ``python .ci/record_terminal.py``.
"""

import os
import pty
import shutil
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import httpx2
import numpy as np
from playwright.sync_api import sync_playwright
from rich.console import Console
from rich.text import Text
from troupe.actors.inference.espeak import EspeakEngine

TARGET = Path(__file__).parent.parent / "docs" / "terminal.gif"
PORT = 8792
FRAMES_PER_SECOND = 8
COLUMNS, LINES = 84, 15
TROUPE = [sys.executable, "-m", "troupe.services.cli"]
QUESTIONS = ("What time is it?", "Tell me a story.")
STANDS = 3.0
"""Seconds for which the last picture stays."""


def spoken(engine: EspeakEngine, text: str, path: Path) -> Path:
    """Write a recording in which somebody asks this."""
    chunks = engine.synthesize(text, voice="en-us+klatt4")
    made = np.concatenate([np.frombuffer(chunk.pcm, np.int16) for chunk in chunks])
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(engine.rate)
        file.writeframes(made.tobytes())
    return path


def watched(command: list[str]) -> Iterator[tuple[float, str]]:
    """Run a command in a terminal; give what it has written by then, with the time of each piece."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(COLUMNS), "LINES": str(LINES), "TERM": "xterm-256color"}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        start, said = time.monotonic(), b""
        while True:
            try:
                said += os.read(ours, 4096)
            except OSError:  # it has ended
                return
            yield time.monotonic() - start, said.decode(errors="replace").replace("\r\n", "\n")


def picture(text: str) -> str:
    """Return what a terminal shows of a text, as a web page."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), color_system="truecolor", force_terminal=True)
    lines = Text.from_ansi(text).wrap(console, COLUMNS)[-LINES:]
    console.print(Text("\n").join(lines), "\n" * (LINES - len(lines)), sep="", end="")
    return f"<body style='margin:0;background:#fff'>{console.export_svg(title='troupe talk')}</body>"


def film(said: list[tuple[float, str]], shown: str, folder: Path) -> None:
    """Write a picture for each moment."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 860, "height": 322})
        at = 0
        for number in range(round((said[-1][0] + STANDS) * FRAMES_PER_SECOND)):
            while at + 1 < len(said) and said[at + 1][0] <= number / FRAMES_PER_SECOND:
                at += 1
            text = said[at][1] if said[at][0] <= number / FRAMES_PER_SECOND else ""
            page.set_content(picture(f"$ {shown}\n{text}"))
            page.screenshot(path=folder / f"{number:04}.png")
        browser.close()


def main() -> int:
    """Record, and encode."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = EspeakEngine.open()
        files = [spoken(engine, text, folder / f"question{number}.wav") for number, text in enumerate(QUESTIONS, 1)]
        server = subprocess.Popen([*TROUPE, "serve", "--port", str(PORT)], stderr=subprocess.DEVNULL)
        try:
            with httpx2.Client(transport=httpx2.HTTPTransport(retries=100)) as client:
                client.get(f"http://127.0.0.1:{PORT}/readyz").raise_for_status()
            arguments = [part for file in files for part in ("--file", str(file))]
            said = list(watched([*TROUPE, "talk", f"ws://127.0.0.1:{PORT}", *arguments]))
        finally:
            server.terminate()
            server.wait()
        shown = " ".join(["troupe talk", *(f"--file {file.name}" for file in files)])
        film(said, shown, folder)
        palette = "split[a][b];[a]palettegen=max_colors=48[p];[b][p]paletteuse=dither=none"
        command = ["ffmpeg", "-y", "-loglevel", "error", "-framerate", str(FRAMES_PER_SECOND)]
        subprocess.run([*command, "-i", folder / "%04d.png", "-vf", palette, TARGET], check=True)
    print(f"{TARGET}: {TARGET.stat().st_size / 1024:.0f} KiB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
