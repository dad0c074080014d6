"""Makes ``docs/playground.gif`` from the real thing: ``troupe serve``, Chromium, and a recorded question.

Needs Debian's ``chromium`` and ``ffmpeg``, and what the tests need. Run ``python .ci/record_playground.py``.
"""

import asyncio
import shutil
import subprocess
import sys
import tempfile
import wave
from pathlib import Path

import httpx2
import numpy as np
from playwright.async_api import Page, async_playwright
from troupe.actors.inference.espeak import EspeakEngine
from troupe.codecs.resample import Resampler

TARGET = Path(__file__).parent.parent / "docs" / "playground.gif"
PORT = 8791
RATE = 48_000
FRAMES_PER_SECOND = 8
SIZE = {"width": 960, "height": 600}
SERVE = [sys.executable, "-c", "from troupe.services.cli import main; main()", "serve", "--port", str(PORT)]


def question(path: Path) -> None:
    """Write the microphone's recording: a quiet room, a question, a quiet room."""
    engine = EspeakEngine.open()
    chunks = engine.synthesize("What time is it?", voice="en-us+klatt4")
    made = np.concatenate([np.frombuffer(chunk.pcm, np.int16) for chunk in chunks])
    resampler = Resampler(engine.rate, RATE)
    room = np.random.default_rng(1).integers(-30, 30, 12 * RATE, dtype=np.int16)
    said = [room[: 3 * RATE // 2], resampler.push(made), resampler.finish(), room]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(np.concatenate(said).tobytes())


async def film(page: Page, folder: Path, done: asyncio.Event) -> None:
    """Take pictures until told that it is enough."""
    loop, number = asyncio.get_running_loop(), 0
    start = loop.time()
    while not done.is_set():
        await page.screenshot(path=folder / f"{number:04}.png")
        number += 1
        await asyncio.sleep(max(0.0, start + number / FRAMES_PER_SECOND - loop.time()))


async def perform(folder: Path, microphone: Path) -> None:
    """Ask, be answered, ask for a story in writing, and interrupt it by voice."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream",
                f"--use-file-for-fake-audio-capture={microphone}",
                "--autoplay-policy=no-user-gesture-required",
            ],
        )
        page = await browser.new_page(viewport=SIZE)
        await page.goto(f"http://127.0.0.1:{PORT}/")
        done = asyncio.Event()
        filming = asyncio.create_task(film(page, folder, done))
        await asyncio.sleep(1)
        await page.click("#talk")
        await page.wait_for_selector(".item.assistant")
        await asyncio.sleep(4)
        await page.type("#say", "Tell me a story", delay=60)
        await page.press("#say", "Enter")
        await page.wait_for_selector(".item.assistant.cut", state="attached", timeout=40_000)
        await asyncio.sleep(3)
        done.set()
        await filming
        await browser.close()


def main() -> int:
    """Record, and encode."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        question(folder / "question.wav")
        server = subprocess.Popen(SERVE, stderr=subprocess.DEVNULL)
        try:
            transport = httpx2.HTTPTransport(retries=100)
            with httpx2.Client(transport=transport) as client:
                client.get(f"http://127.0.0.1:{PORT}/readyz").raise_for_status()
            asyncio.run(perform(folder, folder / "question.wav"))
        finally:
            server.terminate()
            server.wait()
        palette = "split[a][b];[a]palettegen=max_colors=64[p];[b][p]paletteuse=dither=none"
        command = ["ffmpeg", "-y", "-loglevel", "error", "-framerate", str(FRAMES_PER_SECOND)]
        subprocess.run([*command, "-i", folder / "%04d.png", "-vf", palette, TARGET], check=True)
    print(f"{TARGET}: {TARGET.stat().st_size / 1024:.0f} KiB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
