"""Words that are sung can be heard again, and only those that were sung to their end count as heard."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.services.wire.syllables import PILOTS, Ear, Heard, hear, is_sung, pilot, sing, speaker_of, word
from troupe.services.wire.tone import tone

RATES = [16_000, 22_050, 24_000, 48_000]
NOISE = np.random.default_rng(1).integers(-20, 20, 48_000)
numbers = st.lists(st.integers(0, 7999), min_size=1, max_size=8)


def texts(heard: list[Heard]) -> list[tuple[str, bool]]:
    return [(each.text, each.whole) for each in heard]


def test_every_number_has_a_word_of_its_own() -> None:
    assert len({word(number) for number in range(8000)}) == 8000
    assert (word(0), word(7999)) == ("bakapa", "gunutu")


@settings(max_examples=40)
@given(numbers=numbers, rate=st.sampled_from(RATES), size=st.integers(1, 5000))
def test_what_is_sung_is_heard_however_it_comes(numbers: list[int], rate: int, size: int) -> None:
    words = [word(number) for number in numbers]
    pcm = sing(f"{' '.join(words).capitalize()}.", rate).tobytes()
    ear = Ear(rate)
    for start in range(0, len(pcm), 2 * size):
        ear.push(pcm[start : start + 2 * size])
    assert texts(ear.finish()) == [(each, True) for each in words]


@pytest.mark.parametrize("tenths", range(1, 36))
def test_a_word_that_breaks_off_and_is_said_again_is_heard_to_its_end_once(tenths: int) -> None:
    """Wherever it breaks off; what was sung of it is a piece of a word, or so short that nobody hears it."""
    whole = sing("balapa fakape", 24_000)
    broken = whole[: tenths * 240]
    heard = texts(list(hear(np.concatenate((broken, whole)).tobytes(), 24_000)))
    assert [text for text, complete in heard if complete].count("fakape") == 1
    assert [text for text, complete in heard if complete].count("balapa") == 1 + (tenths >= 35)
    assert all("balapa".startswith(text) or text == "fakape" for text, _ in heard)


@pytest.mark.parametrize("speaker", range(PILOTS))
def test_a_speaker_is_known_by_its_pilot_at_once(speaker: int) -> None:
    for rate in (16_000, 24_000):
        sound = pilot(speaker, rate, rate) + NOISE[:rate]
        assert speaker_of(sound.astype(np.int16).tobytes(), rate) == speaker
        assert speaker_of(sound[: rate // 10].astype(np.int16).tobytes(), rate) is None


def test_silence_and_noise_are_no_words() -> None:
    assert hear(bytes(48_000), 24_000) == []
    assert hear(NOISE.astype(np.int16).tobytes(), 24_000) == []


def test_wire_servers_sing_where_a_text_consists_of_such_words_and_hum_where_not() -> None:
    assert is_sung("Balapa fakape.")
    assert not is_sung("Balapa hello.")
    assert not is_sung("...")
    assert texts(list(hear(tone("Balapa fakape.", "any", 24_000), 24_000))) == [("balapa", True), ("fakape", True)]
    assert hear(tone("Hello there.", "any", 24_000), 24_000) == []
