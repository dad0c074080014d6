"""The page hears and speaks by itself, in a real Chromium whose speech is a stand-in, for a real ``troupe serve``."""

import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from chromium import Served, browser, microphone, no_blocking_calls, opened, playwright, shots, wait_for

__all__ = ["browser", "microphone", "no_blocking_calls", "playwright", "shots"]

pytestmark = [pytest.mark.real_time, pytest.mark.timeout(300)]

STAND_IN = Path(__file__).with_name("web_speech.js")
SUPPORT = Path(__file__).parents[2] / "support"
CONFIGURATION = """
[voice]
stt = "loud"
llm = "counter"
tts = "hum"
[voice.choices]
llm = ["parrot"]
stt = ["browser"]
tts = ["browser"]
[voice.patience]
transcript = 60
first_audio = 60
between_audio = 60
[providers]
counter = { kind = "function", function = "own_functions:recite" }
parrot = { kind = "function", function = "own_functions:shout" }
loud = { kind = "function", function = "own_functions:loudness" }
hum = { kind = "function", function = "own_functions:hum" }
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Served]:
    file = tmp_path_factory.mktemp("troupe") / "troupe.toml"
    file.write_text(CONFIGURATION)
    path = os.pathsep.join(filter(None, [str(SUPPORT), os.environ.get("PYTHONPATH", "")]))
    served = Served("--config", str(file), PYTHONPATH=path)
    served.start()
    yield served
    served.stop()


@pytest.fixture
def page(browser: Any, server: Served) -> Generator[Any]:
    with opened(browser, server.url, STAND_IN) as page:
        yield page


def choose(page: Any, turns: str = "", **chosen: str) -> None:
    page.click("#open-settings")
    for name, value in chosen.items():
        page.wait_for_selector(f"#{name} option[value='{value}']", state="attached")
        page.select_option(f"#{name}", value)
    if turns:
        page.check(f"input[name=turns][value={turns}]")
    page.click("#apply")


def events(page: Any, kind: str) -> list[str]:
    """The lines of the log for events of one kind."""
    page.click("#tab-events")
    page.fill("#filter", kind)
    return page.locator("#events li").all_inner_texts()


def last_answer(page: Any) -> str:
    return page.locator(".item.assistant .body").last.inner_text()


def test_the_browser_hears_and_speaks_and_only_what_was_heard_is_remembered(page: Any, shots: Path) -> None:
    page.evaluate("webSpeech.hold = 5")
    choose(page, stt="browser", tts="browser", turns="browser")
    page.click("#talk")
    page.evaluate("webSpeech.hear('count for me')")
    wait_for(page, "count for me")
    page.wait_for_function("() => webSpeech.spoken.length === 5")
    wait_for(page, "Speaking; talk to interrupt.", "#hint")
    page.screenshot(path=shots / "browser-speaks.png")
    page.evaluate("webSpeech.hold = Infinity; webSpeech.hear('go on')")
    page.wait_for_selector(".item.assistant.cut .unheard", state="attached")
    assert page.inner_text(".item.assistant.cut .unheard").strip() == "six seven eight."
    wait_for(page, "I said: One two three four. Five")
    page.wait_for_function("() => webSpeech.spoken.at(-1) === 'Five'")  # what it said before, in its own words
    assert last_answer(page) == "I said: One two three four. Five"
    assert "Nine" not in page.evaluate("webSpeech.spoken.join(' ')")
    page.wait_for_function("() => document.querySelector('#stop').disabled")
    page.screenshot(path=shots / "browser-cut-off.png")
    wait_for(page, "this browser speaks", "#strip")
    assert events(page, "troupe.hearing.started")
    assert not events(page, "input_audio_buffer.append"), "the server gets no audio"
    assert not events(page, "output_audio.delta")
    assert not page.is_visible("#trouble")


def test_a_recogniser_that_ends_after_a_minute_is_begun_again_and_loses_nothing(page: Any) -> None:
    choose(page, stt="browser", tts="browser", llm="parrot", turns="browser")
    page.click("#talk")
    page.evaluate("webSpeech.hear('what I say', { end: false })")
    wait_for(page, "You are heard", "#hint")
    page.evaluate("webSpeech.minuteIsOver()")
    page.evaluate("webSpeech.hear('takes long')")
    wait_for(page, "what I say takes long")
    wait_for(page, "WHAT I SAY TAKES LONG")
    assert page.evaluate("webSpeech.starts") == 2
    page.evaluate("webSpeech.hear('one'), webSpeech.hear('two')")  # one turn after the other, without a pause
    wait_for(page, "TWO")
    page.click("#talk")
    assert page.inner_text("#talk-label") == "Start talking"


def test_the_server_goes_on_where_the_browser_fails_and_shows_it(page: Any, shots: Path) -> None:
    page.evaluate("webSpeech.broken = 'synthesis-failed'")
    choose(page, tts="browser", llm="parrot")
    page.fill("#say", "count")
    page.press("#say", "Enter")
    wait_for(page, "COUNT")
    page.click("#tab-turns")
    wait_for(page, "this session's browser-tts failed (provider_failed); providers/hum/tts goes on.", "#turns")
    page.screenshot(path=shots / "browser-replaced.png")
    assert events(page, "output_audio.delta")
    assert events(page, "troupe.speech.cancel")
    for answers in range(2, 5):  # a few failures more, and it is left alone
        page.fill("#say", "again")
        page.press("#say", "Enter")
        page.wait_for_function("count => document.querySelectorAll('.item.assistant').length === count", arg=answers)
        page.wait_for_function("() => document.querySelector('#stop').disabled")
    page.wait_for_selector("#strip .troubled[title*=browser-tts]")


def test_a_recogniser_that_is_out_of_reach_is_told_and_replaced(page: Any) -> None:
    page.evaluate("webSpeech.blocked = 'network'")
    choose(page, stt="browser", tts="browser")
    page.click("#talk")
    wait_for(page, "The browser's recognition can't be reached.", "#trouble")
    wait_for(page, "samples up to")  # what the server's own recogniser understands of the microphone
    page.click("#talk")


def test_a_blocked_microphone_ends_listening_where_only_the_browser_hears(page: Any) -> None:
    page.evaluate("webSpeech.blocked = 'not-allowed'")
    choose(page, stt="browser", tts="browser", turns="browser")
    page.click("#talk")
    wait_for(page, "The microphone is blocked.", "#trouble")
    wait_for(page, "Start talking", "#talk-label")


def test_settings_offer_what_the_server_allows_also_on_a_phone_and_in_the_dark(
    browser: Any, server: Served, shots: Path
) -> None:
    phone = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
    with opened(browser, server.url, STAND_IN, **phone) as page:
        page.wait_for_selector("#llm option[value='parrot']", state="attached")
        page.click("#open-settings")
        assert page.locator("#stt option").all_inner_texts() == ["loud (the server's choice)", "loud", "this browser"]
        assert page.get_by_label("hands-free, this browser").is_disabled()
        page.get_by_label("Recogniser", exact=True).select_option("browser")
        assert page.get_by_label("hands-free, this browser").is_enabled()
        page.get_by_label("Synthesizer").select_option("browser")
        page.wait_for_selector("#voice option[value='urn:test:bo']", state="attached")
        page.get_by_label("Voice", exact=True).select_option("urn:test:bo")
        page.get_by_label("Language model").select_option("parrot")
        page.screenshot(path=shots / "browser-phone.png")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        page.keyboard.press("Enter")
        page.wait_for_selector("#settings", state="hidden")
        page.fill("#say", "Tell me.")
        page.press("#say", "Enter")
        wait_for(page, "TELL ME.")
        assert page.evaluate("webSpeech.spoken").count("TELL") <= 1
        page.wait_for_function("() => webSpeech.spoken.includes('ME.')")
