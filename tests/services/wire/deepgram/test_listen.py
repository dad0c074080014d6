"""When what was heard is final: after a while, and after a pause if the client asked for that."""

import numpy as np
import pytest
from troupe.services.wire.deepgram.listen import Listener, read_query
from troupe.services.wire.hearing import HearingSyllables
from troupe.services.wire.syllables import sing, word

RATE = 16_000
QUERY = {"model": "nova-3", "encoding": "linear16", "sample_rate": str(RATE)}


def finals(query: dict[str, str], sound: bytes) -> list[tuple[float, str]]:
    """Return the final results with words in them, and after how many seconds of audio each came."""
    listener = Listener(read_query(QUERY | query, streamed=True), HearingSyllables(RATE))
    size = RATE // 50 * 2
    found: list[tuple[float, str]] = []
    for start in range(0, len(sound), size):
        for result in listener.push(sound[start : start + size]):
            text = result["channel"]["alternatives"][0]["transcript"]
            if result["is_final"] and text:
                found.append(((start + size) / 2 / RATE, text))
    return found


@pytest.mark.parametrize("endpointing", ["", "false", "300", "25"])
def test_a_pause_makes_final_what_was_said_before_it(endpointing: str) -> None:
    said = sing(word(0), RATE)
    sound = np.concatenate((said, np.zeros(2 * RATE, np.int16))).tobytes()
    ((when, text),) = finals({"endpointing": endpointing} if endpointing else {}, sound)
    assert text == word(0)
    pause = int(endpointing) / 1000 if endpointing.isdecimal() else 1.5 - len(said) / RATE
    assert when == pytest.approx(len(said) / RATE + pause, abs=0.1)
