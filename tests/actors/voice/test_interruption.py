"""What counts as an interruption."""

import pytest
from troupe.actors.voice.interruption import BACKCHANNELS, Doubt, Heard, Interruption, heard

JUDGED = {
    "": Heard.NOTHING,
    " … ": Heard.NOTHING,
    "Mhm.": Heard.BACKCHANNEL,
    "Mm-hmm, yeah.": Heard.BACKCHANNEL,
    "uh-huh": Heard.BACKCHANNEL,
    "I see": Heard.BACKCHANNEL,
    "Yeah, I see. Right!": Heard.BACKCHANNEL,
    "D'accord": Heard.BACKCHANNEL,
    "ja genau": Heard.BACKCHANNEL,
    "I": Heard.WORDS,
    "see": Heard.WORDS,
    "yeah but": Heard.WORDS,
    "stop": Heard.WORDS,
    "no": Heard.WORDS,
    "okay wait": Heard.WORDS,
}


@pytest.mark.parametrize(("text", "meaning"), JUDGED.items())
def test_backchannels_are_told_from_words(text: str, meaning: Heard) -> None:
    assert heard(text, BACKCHANNELS) is meaning


def test_voice_has_to_last() -> None:
    doubt = Doubt(Interruption(speech=0.5))
    assert not doubt.voice(0.49)
    assert doubt.voice(0.5)


def test_words_interrupt_at_once_and_backchannels_only_when_they_go_on() -> None:
    doubt = Doubt(Interruption(speech=0.5, backchannel=1.5))
    assert not doubt.partial("yeah")
    assert not doubt.voice(1.4)
    assert doubt.voice(1.5)
    assert Doubt(Interruption(speech=0.5)).partial("yeah wait")
    late = Doubt(Interruption(speech=0.5))
    assert not late.voice(0.4)
    assert not late.partial("mhm")
    assert not late.partial("")  # it was none after all
    assert late.voice(0.5)


@pytest.mark.parametrize(
    ("text", "interrupts"), [(None, True), ("", False), ("okay", False), ("no", True), ("okay, next", True)]
)
def test_the_whole_sound_is_judged_by_its_words(text: str | None, interrupts: bool) -> None:
    assert Doubt(Interruption(speech=0.5)).final(text) is interrupts


def test_times_are_not_negative() -> None:
    with pytest.raises(ValueError, match="negative"):
        Interruption(speech=-1)
    assert Interruption(speech=0).at_once
