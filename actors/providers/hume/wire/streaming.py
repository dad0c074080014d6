"""``/v0/tts/stream/input``: texts out as they come, audio in base64 and the times of words in, over a WebSocket.

No message says that a text has been spoken: audio comes in snippets, each with a last chunk and the text that it
speaks. A piece is complete when its snippets are, and their texts have come to the end of its own, compared by letters
and digits. The order is that of the texts, as each is flushed.
"""

from collections import Counter, deque
from collections.abc import Iterable
from typing import Final
from urllib.parse import urlencode

import msgspec

from ....contracts import Speech
from .speech import RATE, Line, SpeechOptions, Stretches, read, utterance

PATH: Final = "/v0/tts/stream/input"


def socket_path(options: SpeechOptions) -> str:
    """Return the path and query of a connection."""
    pairs = [
        ("version", options.version),
        ("format_type", "pcm"),
        ("strip_headers", "true"),
        ("no_binary", "true"),  # else audio would come without saying of which snippet it is
        ("instant_mode", "true" if options.instant_mode else "false"),
    ]
    if options.version == "2":
        pairs.append(("include_timestamp_types", "word"))
    return f"{PATH}?{urlencode(pairs)}"


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


class _Piece:
    """One text, as far as it has been spoken."""

    def __init__(self, number: int, text: str) -> None:
        self.number = number
        self.stretches = Stretches(text)
        self._letters = _letters(text)
        self._covered = 0
        self._open: dict[str, bool] = {}  # whether the last chunk of a snippet has to come yet
        self._starts: dict[str, float] = {}  # when the piece begins, in each generation's own time

    def start(self, generation: str, now: float) -> float:
        """Return when the piece begins, in the time of a generation, in which it is now so many seconds."""
        return self._starts.setdefault(generation, now)

    def take(self, line: Line) -> bool:
        """Take a chunk; return whether the piece is complete with it."""
        if line.snippet_id not in self._open:
            spoken = _letters(line.text)
            found = self._letters.find(spoken, self._covered)
            self._covered = (self._covered if found < 0 else found) + len(spoken)
        self._open[line.snippet_id] = not line.is_last_chunk
        return self._covered >= len(self._letters) and not any(self._open.values())


class HumeTalking:
    """Pieces over one WebSocket; see `troupe.actors.synthesis.Talking`.

    Args:
        provider: For errors.
        options: How to speak.
    """

    def __init__(self, provider: str, options: SpeechOptions) -> None:
        self._provider = provider
        self._options = options
        self._pieces: deque[_Piece] = deque()
        self._said: Counter[str] = Counter()  # bytes of audio, by generation

    def speak(self, piece: int, text: str) -> Iterable[str]:
        """See `Talking.speak`.

        Raises:
            RequestTooLong: The API does not take a text of this length.
        """
        message = utterance(text, self._options, self._provider) | {"flush": True}
        self._pieces.append(_Piece(piece, text))
        return (msgspec.json.encode(message).decode(),)

    def push(self, message: str | bytes) -> Iterable[Speech]:
        """See `Talking.push`; what belongs to no piece, and kinds that are not known, say nothing."""
        line = read(message.encode() if isinstance(message, str) else message, self._provider)
        if not self._pieces:
            return
        piece = self._pieces[0]
        start = piece.start(line.generation_id, self._said[line.generation_id] / (2 * RATE))
        if line.word is not None:
            yield Speech(piece.number, b"", RATE, piece.stretches.take(line.word, start))
        elif line.type == "audio":
            self._said[line.generation_id] += len(line.audio)
            last = piece.take(line)
            if last:
                self._pieces.popleft()
            yield Speech(piece.number, line.audio, RATE, last=last)
