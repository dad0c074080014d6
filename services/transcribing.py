"""Writing long recordings down: passage by passage, with times, and as captions."""

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct

from ..actors.contracts import Word
from ..codecs.asset import load
from ..codecs.captions import Caption, captions
from ..codecs.decode import decode_audio
from ..codecs.passages import RATE, Passage, PassageCutter
from ..codecs.pcm import Pcm, to_int16
from ..codecs.silero import SileroModel
from ..runtime.thread import ThreadWorker
from .models import SpeechToText

AHEAD: Final = 2
"""Passages that are cut ahead of what the model hears."""


class Segment(Struct, frozen=True, kw_only=True):
    """What was said in one passage of a recording; times are seconds from its beginning."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...] = ()
    """With their times, if the model tells them."""


class Step(Struct, frozen=True):
    """How far the writing down is."""

    done: float
    """Seconds of the recording."""
    total: float | None
    """All seconds of it, if it says so."""
    segment: Segment | None = None
    """What was said in the latest passage, if that was anything."""


@asynccontextmanager
async def passages(path: Path) -> AsyncGenerator[AsyncGenerator[tuple[Passage, float | None]]]:
    """Give the passages of a recording or video inside the block, with the seconds of the whole; cut in a thread.

    Raises:
        OSError: The file can't be read.
        CodecError: It has no sound, or is broken.
    """
    async with (
        ThreadWorker.open(partial(_cut, path), name="passages") as worker,
        worker.stream(iter, buffer=AHEAD) as cut,
    ):

        async def each() -> AsyncGenerator[tuple[Passage, float | None]]:
            async for passage in cut:
                yield passage

        yield each()


def _cut(path: Path) -> Iterator[tuple[Passage, float | None]]:
    asset = load(path)
    speech = asset.as_speech()
    return _passages(decode_audio(speech, rate=RATE), asset.duration)


def _passages(decoded: Iterable[Pcm], total: float | None) -> Iterator[tuple[Passage, float | None]]:
    cutter = PassageCutter(SileroModel())
    for pcm in decoded:
        for passage in cutter.push(to_int16(pcm.mono().samples[:, 0])):
            yield passage, total
    for passage in cutter.finish():
        yield passage, total


async def write_down(ear: SpeechToText, path: Path, *, language: str = "", prompt: str = "") -> AsyncGenerator[Step]:
    """Write a recording or the sound of a video down, however long it is; give what is new after each passage.

    Close it, best with `contextlib.aclosing`: it holds a thread.

    Args:
        ear: Who hears.
        path: The file.
        language: ISO 639-1; empty to find out.
        prompt: Words or style to expect.

    Raises:
        OSError: The file can't be read.
        CodecError: It has no sound, or is broken.
        ProviderError: Nobody could write it down.
    """
    async with passages(path) as each:
        async for passage, total in each:
            audio = Pcm(passage.samples[:, None], RATE)
            transcript = await ear.transform(audio, language=language, prompt=prompt)
            segment = None
            if text := transcript.text.strip():
                words = tuple(_moved(word, passage.start) for word in transcript.words)
                start, end = round(passage.start, 3), round(passage.end, 3)
                segment = Segment(start=start, end=end, text=text, words=words)
            yield Step(passage.end, total, segment)


def _moved(word: Word, by: float) -> Word:
    return Word(word.text, round(word.start + by, 3), round(word.end + by, 3), word.confidence)


def captioned(segments: Sequence[Segment]) -> list[Caption]:
    """Return captions: by the times of words where there are any, else by those of segments, a share for each line."""
    result: list[Caption] = []
    for segment in segments:
        result += captions(segment.words or _evenly(segment))
    return result


def _evenly(segment: Segment) -> list[Word]:
    """Give each word as much of a segment's time as its letters have of its text."""
    texts = segment.text.split()
    letters = sum(len(text) + 1 for text in texts)
    words: list[Word] = []
    at, each = segment.start, (segment.end - segment.start) / letters
    for text in texts:
        end = at + (len(text) + 1) * each
        words.append(Word(text, at, end))
        at = end
    return words
