"""The playground in Debian's Chromium, through Playwright, with ``troupe serve`` behind it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import wave
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
import pytest
from troupe.actors.inference.espeak import EspeakEngine
from troupe.codecs.resample import Resampler

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
if CHROMIUM is None:
    if os.environ.get("CI"):
        pytest.fail("chromium is missing; .ci/run installs it", pytrace=False)
    pytest.skip("needs chromium (Debian's package of that name)", allow_module_level=True)
sync_api = pytest.importorskip("playwright.sync_api")

RATE = 48_000
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]
FAKE = ["--use-fake-device-for-media-stream", "--autoplay-policy=no-user-gesture-required"]


def speech(text: str) -> np.ndarray:
    engine = EspeakEngine.open()
    try:
        made = [np.frombuffer(chunk.pcm, np.int16) for chunk in engine.synthesize(text, voice="en-us+klatt4")]
        resampler = Resampler(engine.rate, RATE)
        return np.concatenate([resampler.push(np.concatenate(made)), resampler.finish()])
    finally:
        engine.close()


class Served:
    """``troupe serve`` in a process of its own, which can be ended and started again.

    Args:
        arguments: Further ones of the command.
        variables: Of its environment.
    """

    def __init__(self, *arguments: str, **variables: str) -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            port = int(listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "troupe.services.cli", "serve", "--port", str(port), *arguments]
        self._variables = variables
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, **self._variables}
        self._process = subprocess.Popen(self._command, env=environment, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                if httpx2.get(f"{self.url}/readyz", timeout=30).status_code == 200:
                    return
            except httpx2.TransportError:
                pass
            assert self._process.poll() is None, "the server has ended"
            time.sleep(0.1)
        pytest.fail("the server did not start")

    def stop(self, *, hard: bool = False) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL if hard else signal.SIGTERM)
            self._process.wait(20)
            self._process = None


@pytest.fixture(autouse=True)
def no_blocking_calls() -> None:
    """Playwright runs a loop of its own in this thread, and waits in it: nothing of ours runs there."""


@pytest.fixture(scope="module")
def microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A question, again and again, with nine seconds of a quiet room around it; Chromium begins anew at its end."""
    path = tmp_path_factory.mktemp("microphone") / "question.wav"
    room = np.random.default_rng(1).integers(-30, 30, 9 * RATE, dtype=np.int16)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.concatenate([room[: 2 * RATE], speech("What time is it?"), room[: 7 * RATE]]).tobytes())
    return path


@pytest.fixture(scope="module")
def playwright() -> Generator[Any]:
    with sync_api.sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright: Any, microphone: Path) -> Generator[Any]:
    recording = [f"--use-file-for-fake-audio-capture={microphone}", "--use-fake-ui-for-media-stream"]
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *FAKE, *recording])
    yield browser
    browser.close()


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """Where pictures of the page go; a folder that stays if ``TROUPE_SCREENSHOTS`` names one."""
    folder = Path(os.environ.get("TROUPE_SCREENSHOTS") or tmp_path)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def opened(browser: Any, url: str, script: Path | None = None, **options: Any) -> Iterator[Any]:
    """Open a page, after a script of its own; what it complains about fails the test, but for `expected_errors`."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, "accept_downloads": True, **options})
    page = context.new_page()
    page.set_default_timeout(45_000)  # on a busy machine the recording is not always understood the first time
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda told: errors.append(told.text) if told.type == "error" else None)
    page.expected_errors = ()
    if script is not None:
        page.add_init_script(path=script)
    page.goto(url)
    yield page
    left = [error for error in errors if not any(each in error for each in page.expected_errors)]
    context.close()
    assert left == []


def wait_for(page: Any, text: str, selector: str = "#transcript") -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector).innerText.includes(text)", arg=[selector, text]
    )
