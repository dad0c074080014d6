"""The page in a real Chromium, with a recording for its microphone and ``troupe serve`` behind it."""

import os
import shutil
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Generator
from pathlib import Path

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

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(300)]

RATE = 48_000
KEY = "a-key-for-the-playground"
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


@pytest.fixture(autouse=True)
def no_blocking_calls() -> None:
    """Playwright runs a loop of its own in this thread, and waits in it: nothing of ours runs there."""


class Served:
    """``troupe serve`` in a process of its own, which can be ended and started again."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "troupe.services.cli", "serve", "--port", str(port)]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "TROUPE_API_KEYS": KEY}
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


@pytest.fixture(scope="module")
def server(unused_port: int) -> Generator[Served]:
    served = Served(unused_port)
    served.start()
    yield served
    served.stop()


@pytest.fixture(scope="module")
def unused_port() -> int:
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def playwright() -> Generator[object]:
    with sync_api.sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def browser(playwright, microphone: Path) -> Generator[object]:
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


@pytest.fixture
def page(browser, server: Served) -> Generator[object]:
    context = browser.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(45_000)  # on a busy machine the recording is not always understood the first time
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda told: errors.append(told.text) if told.type == "error" else None)
    page.expected_errors = ()
    page.goto(server.url)
    yield page
    left = [error for error in errors if not any(each in error for each in page.expected_errors)]
    context.close()
    assert left == []


def give_key(page, key: str = KEY) -> None:
    page.click("#open-settings")
    page.fill("#key", key)
    page.click("#apply")


def wait_for(page, text: str, selector: str = "#transcript") -> None:
    page.wait_for_function(
        "([selector, text]) => document.querySelector(selector).innerText.includes(text)", arg=[selector, text]
    )


def test_a_question_is_answered_interrupted_and_asked_again(page, shots: Path) -> None:
    page.expected_errors = ("401",)  # models and status, before there is a key
    page.screenshot(path=shots / "welcome.png")
    give_key(page)
    page.click("#talk")
    wait_for(page, "what time is it")
    wait_for(page, "It's ")
    page.wait_for_selector("#turns .bar.heard", state="attached")
    page.screenshot(path=shots / "answered.png")
    page.fill("#say", "Tell me a story.")
    page.press("#say", "Enter")
    page.wait_for_function("() => document.querySelectorAll('.item.assistant').length >= 2")
    page.wait_for_selector(".item.assistant.cut .unheard", state="attached")  # the next question interrupts it
    assert page.inner_text(".item.assistant.cut .unheard").strip()
    page.wait_for_function("() => document.querySelectorAll('.item.assistant').length >= 3")
    assert not page.is_visible("#trouble")
    page.screenshot(path=shots / "interrupted.png")
    page.click("#tab-events")
    page.fill("#filter", "truncate")
    wait_for(page, "conversation.item.truncate", "#events")
    page.screenshot(path=shots / "events.png")
    with page.expect_download() as download:
        page.click("#save")
    saved = Path(download.value.path()).read_text().splitlines()
    assert any('"conversation.item.truncate"' in line for line in saved)
    page.click("#tab-actors")
    wait_for(page, "providers/pocketsphinx/stt", "#actors")
    page.screenshot(path=shots / "actors.png")
    page.click("#talk")
    assert page.inner_text("#talk-label") == "Start talking"


def test_what_is_typed_is_answered_also_on_a_phone_and_in_the_dark(browser, server: Served, shots: Path) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True)
    page = context.new_page()
    page.goto(server.url)
    give_key(page)
    page.fill("#say", "What is 12 times 3?")
    page.press("#say", "Enter")
    wait_for(page, "36")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.screenshot(path=shots / "phone.png")
    context.close()


def test_hold_to_talk_listens_while_it_is_held(page) -> None:
    page.expected_errors = ("401",)
    page.click("#open-settings")
    page.fill("#key", KEY)
    page.check("input[name=turns][value=manual]")
    page.click("#apply")
    page.focus("body")
    page.keyboard.down("Space")
    wait_for(page, "You are heard", "#hint")
    page.wait_for_timeout(1500)
    page.keyboard.up("Space")
    page.wait_for_selector(".item.assistant")


def test_a_restart_of_the_server_is_survived(page, server: Served, shots: Path) -> None:
    page.expected_errors = ("401", "ERR_CONNECTION", "WebSocket connection", "ERR_INCOMPLETE", "ERR_EMPTY")
    give_key(page)
    page.fill("#say", "My name is Ada.")
    page.press("#say", "Enter")
    page.wait_for_selector(".item.assistant")
    server.stop(hard=True)
    wait_for(page, "trying again", "#state-text")
    page.screenshot(path=shots / "lost.png")
    server.start()
    wait_for(page, "Connected", "#state-text")
    assert "My name is Ada." in page.inner_text("#transcript")
    page.fill("#say", "What is my name?")
    page.press("#say", "Enter")
    wait_for(page, "Ada.\nTroupe")
    page.wait_for_function("() => document.querySelectorAll('.item.assistant').length >= 2")


def test_a_wrong_key_is_told(page, shots: Path) -> None:
    page.expected_errors = ("401",)
    give_key(page, "wrong")
    page.click("#talk")
    wait_for(page, "The server wants a key.", "#trouble")
    assert page.inner_text("#state-text") == "Not admitted"
    page.screenshot(path=shots / "key.png")
    page.click("#trouble-close")
    assert page.is_visible("#settings")


def test_a_lost_network_is_told(page, shots: Path) -> None:
    page.expected_errors = ("401", "ERR_INTERNET_DISCONNECTED")
    give_key(page)
    page.fill("#say", "What is 1 plus 1?")
    page.press("#say", "Enter")
    wait_for(page, "2")
    page.context.set_offline(True)
    wait_for(page, "offline", "#trouble")
    page.screenshot(path=shots / "offline.png")
    page.context.set_offline(False)


def test_an_old_browser_is_told_what_it_lacks(browser, server: Served, shots: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.add_init_script("delete window.AudioWorkletNode")
    page.goto(server.url)
    page.click("#talk")
    wait_for(page, "This browser lacks: AudioWorklet.", "#trouble")
    page.screenshot(path=shots / "old.png")
    context.close()


def test_a_denied_microphone_is_told(playwright, server: Served, shots: Path) -> None:
    strict = playwright.chromium.launch(executable_path=CHROMIUM, args=[*QUIET, *FAKE, "--deny-permission-prompts"])
    page = strict.new_page()
    page.goto(server.url)
    page.click("#talk")
    wait_for(page, "The microphone is blocked.", "#trouble")
    page.screenshot(path=shots / "denied.png")
    strict.close()
