"""The page in a real Chromium, with a recording for its microphone and ``troupe serve`` behind it."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from chromium import (
    CHROMIUM,
    FAKE,
    QUIET,
    Served,
    browser,
    microphone,
    no_blocking_calls,
    opened,
    playwright,
    shots,
    wait_for,
)

__all__ = ["browser", "microphone", "no_blocking_calls", "playwright", "shots"]

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(300)]

KEY = "a-key-for-the-playground"


@pytest.fixture(scope="module")
def server() -> Generator[Served]:
    served = Served(TROUPE_API_KEYS=KEY)
    served.start()
    yield served
    served.stop()


@pytest.fixture
def page(browser: Any, server: Served) -> Generator[Any]:
    with opened(browser, server.url) as page:
        yield page


def give_key(page, key: str = KEY) -> None:
    page.click("#open-settings")
    page.fill("#key", key)
    page.click("#apply")


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
