"""Which words of a transcript that still changes may be said: those that two hypotheses in a row agree on.

This is the policy LocalAgreement-2 of Macháček, Dabre and Bojar, "Turning Whisper into Real-Time Transcription System"
(2023, https://arxiv.org/abs/2307.14743): each time there is more audio, all of it is heard again, and the longest
common beginning of the last two hypotheses is final. What was said is never taken back, so that it can be sent as
deltas. When the audio gets long, the part whose words were said is forgotten; the words go on as the prompt.
"""

from collections.abc import Sequence

from .engine import HeardWord


class Agreement:
    """The words of one turn. Times are seconds from the start of the audio that is still there."""

    def __init__(self) -> None:
        self._before: list[str] = []  # of audio that was forgotten
        self._last: Sequence[HeardWord] = ()
        self._said = 0  # words of the audio that is still there

    @property
    def forgotten(self) -> str:
        """The text of the audio that is no longer there."""
        return "".join(self._before).strip()

    def push(self, words: Sequence[HeardWord]) -> str:
        """Take a hypothesis; return what can be said now, empty if nothing is new."""
        agreed = 0
        for old, new in zip(self._last, words, strict=False):
            if _bare(old) != _bare(new):
                break
            agreed += 1
        self._last = words
        return self._say(words, agreed)

    def finish(self, words: Sequence[HeardWord]) -> tuple[str, str]:
        """Take the last hypothesis; return what is still to be said, and the whole text.

        The whole text is the better one: where words that were said turn out to be wrong, it has the right ones.
        """
        self._last = words
        rest = self._say(words, len(words))
        return rest, "".join([*self._before, *(word.text for word in words)]).strip()

    def settle(self) -> str:
        """Take the last hypothesis as it is, since no other one comes to agree; return what can be said now."""
        return self._say(self._last, len(self._last))

    def forget(self) -> float | None:
        """Forget the words that were said, and their audio.

        Returns:
            Up to which second the audio can go; None if there is nobody's word in all of it.
        """
        words = self._last[: self._said]
        if not words:
            return 0.0 if self._last else None
        until = words[-1].end
        self._before += [word.text for word in words]
        self._last = [HeardWord(word.text, word.start - until, word.end - until) for word in self._last[self._said :]]
        self._said -= len(words)  # more than 0 if the last hypothesis is shorter than what was said
        return until

    def _say(self, words: Sequence[HeardWord], until: int) -> str:
        new = "".join(word.text for word in words[self._said : until])
        if not self._before and not self._said:
            new = new.lstrip()
        self._said = max(self._said, until)
        return new


def _bare(word: HeardWord) -> str:
    """Return what is compared: hypotheses often differ in nothing but punctuation."""
    return "".join(character for character in word.text.casefold() if character.isalnum())
