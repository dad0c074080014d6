"""Whether somebody who makes a sound while the assistant speaks wants to interrupt it. No I/O.

A cough, a door, "mhm": most of what is heard while the assistant speaks is no turn. So the assistant only pauses at the
first sound. It stops when the sound has lasted, or words have been understood that are more than listening noises; it
goes on, at the sample where it paused, when it turns out that there were none.
"""

import re
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

BACKCHANNELS: Final = frozenset(
    {
        # any language
        *("mhm", "mm hm", "mm hmm", "mmhmm", "mm", "mmm", "hm", "hmm", "uh huh", "uhuh", "uhhuh", "um", "uh", "ah"),
        *("aha", "oh", "eh", "ok", "okay", "huh"),
        # English
        *("yeah", "yep", "yup", "yes", "right", "sure", "i see", "got it", "alright", "all right", "cool", "great"),
        *("nice", "wow", "really", "of course", "true"),
        # German
        *("ja", "jo", "genau", "ach so", "achso", "klar", "stimmt", "gut", "richtig", "alles klar", "verstehe"),
        # French, Spanish, Italian, Portuguese, Dutch
        *("oui", "ouais", "d accord", "bien sûr", "voilà", "sí", "vale", "claro", "ajá", "ya", "sì", "va bene"),
        *("certo", "sim", "tá", "tá bom", "pois", "goed", "precies", "oké"),
    }
)
"""What people say to show that they listen; whoever says one of them does not want the word."""

_NO_WORD: Final = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interruption:
    """What it takes to interrupt the assistant."""

    speech: float = 0.0
    """Seconds of voice that interrupt, unless all that is understood is a backchannel; 0 interrupts at the first sound,
    as OpenAI's server does. Clients stop their playback when they are told, so this is how long they play on: half a
    second lets coughs and listening noises pass."""
    backchannel: float = 1.5
    """Seconds of voice that interrupt even then: nobody says "mhm" for so long."""
    undecided: float = 1.0
    """Seconds after the end of the sound that its transcript is waited for; without one it interrupts."""
    backchannels: frozenset[str] = BACKCHANNELS
    """In lower case, without punctuation."""

    def __post_init__(self) -> None:
        if min(self.speech, self.backchannel, self.undecided) < 0:
            raise ValueError("interruption: speech, backchannel and undecided are seconds, so they can't be negative")

    @property
    def at_once(self) -> bool:
        """Whether the first sound interrupts."""
        return self.speech == 0


class Heard(Enum):
    """What was understood of a sound so far."""

    NOTHING = auto()
    BACKCHANNEL = auto()
    WORDS = auto()


def heard(text: str, backchannels: frozenset[str]) -> Heard:
    """Judge a transcript: nothing, backchannels only ("yeah, right"), or words that mean more."""
    words = _NO_WORD.sub(" ", text.casefold()).split()
    if not words:
        return Heard.NOTHING
    place = 0
    while place < len(words):
        for length in (2, 1):  # "i see" before "i"
            if " ".join(words[place : place + length]) in backchannels:
                place += length
                break
        else:
            return Heard.WORDS
    return Heard.BACKCHANNEL


class Doubt:
    """A sound that may become an interruption. Each method returns whether it is one now.

    Args:
        rules: What it takes.
    """

    def __init__(self, rules: Interruption) -> None:
        self._rules = rules
        self._understood = Heard.NOTHING
        self._voice = 0.0

    def voice(self, seconds: float) -> bool:
        """Voice has been heard for so long, pauses for breath included."""
        self._voice = max(self._voice, seconds)
        return self._decided()

    def partial(self, text: str) -> bool:
        """So much has been understood; later it may be something else."""
        self._understood = heard(text, self._rules.backchannels)
        return self._decided()

    def final(self, text: str | None) -> bool:
        """The sound is over, and this is all that was said; None if it could not be understood."""
        return text is None or heard(text, self._rules.backchannels) is Heard.WORDS

    def _decided(self) -> bool:
        if self._understood is Heard.WORDS:
            return True
        limit = self._rules.backchannel if self._understood is Heard.BACKCHANNEL else self._rules.speech
        return self._voice >= limit
