"""Speech recognition by Moonshine's streaming models (extra ``moonshine``).

Chosen over faster-whisper: Moonshine's encoder goes on from where it was, while Whisper encodes a window of 30 s anew
for every partial hypothesis. Both are MIT, need no torch, and run on all our Pythons. The library lets go of Python's
global lock while it computes, so that worker threads will do.

A loaded model ("transcriber") has room for the state of one utterance: with two at a time it works, but encodes
everything anew at every turn from one to the other. So each utterance that is being heard has a transcriber to itself.

The library's own voice detection is off: whoever pushes audio has found the speech in it.
"""

import math
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Protocol, Self

from ...codecs.pcm import int16_from_bytes, to_float32
from .catalogue import ENGINES, models_folder
from .errors import EngineFailed
from .pool import Pool
from .results import Hypothesis, Word

RATE: Final = 16000
"""The rate of the audio it hears, in Hz."""

_INTERVAL = 0.3  # seconds of audio between two partial hypotheses, at least
_LONGEST = 30.0  # seconds of audio in one stream: the library cuts its text at 256 tokens, 39 s of the fastest speech
_TAIL = [0.0] * 1792  # the library drops what is left over from its blocks of 512 and 1280 samples
_FORCE_UPDATE = 1  # MOONSHINE_FLAG_FORCE_UPDATE: otherwise the last half second is left out of the final transcript
_ATTENTION = "decoder_kv_with_attention.ort"  # the decoder that shows where in the audio it found a word
_OPTIONS = {"vad_threshold": "0", "return_audio_data": "false"}
# Drafting from the hypothesis before saves work, but the library then counts several words as one.
_WITH_WORDS = {**_OPTIONS, "word_timestamps": "true", "use_speculative_decoding": "false"}


class _Timing(Protocol):
    word: str
    start: float
    end: float
    confidence: float


class _Line(Protocol):
    text: str
    words: Sequence[_Timing] | None


class _Transcript(Protocol):
    lines: Sequence[_Line]


class _Stream(Protocol):
    def start(self) -> None: ...
    def add_audio(self, audio_data: list[float], sample_rate: int) -> None: ...
    def update_transcription(self, flags: int) -> _Transcript: ...
    def stop(self) -> _Transcript | None: ...
    def close(self) -> None: ...


class _Transcriber(Protocol):
    def create_stream(self, update_interval: float, *, transcribe_flags: int) -> _Stream: ...
    def close(self) -> None: ...


class MoonshineEngine:
    """Transcribers that are lent to utterances, one to each."""

    def __init__(self, transcribers: Pool[_Transcriber], failure: type[Exception]) -> None:
        self._transcribers = transcribers
        self._failure = failure

    @classmethod
    def open(cls, name: str = "moonshine-small", *, models: Path | None = None, decoders: int = 2) -> Self:
        """Load a model.

        Args:
            name: an engine of the catalogue: ``moonshine-tiny``, ``moonshine-small`` or ``moonshine-medium``.
            models: the folder of all models; None is `catalogue.models_folder`. Final hypotheses have words if the
                file ``decoder_kv_with_attention.ort`` lies beside the model's others.
            decoders: how many utterances may be heard at once. Each takes the memory of a model.

        Raises:
            NotInstalled: if the package or the model is missing.
            EngineFailed: if the model can't be loaded.
            ValueError: if `decoders` is not positive.
        """
        engine = ENGINES[name]
        package = engine.load()
        folder = engine.locate(models or models_folder())
        options = _WITH_WORDS if (folder / _ATTENTION).exists() else _OPTIONS
        architecture = package.string_to_model_arch(f"{name.removeprefix('moonshine-')}-streaming")

        def load() -> _Transcriber:
            try:
                transcriber: _Transcriber = package.Transcriber(folder, architecture, options=options)
            except package.MoonshineError as error:
                raise EngineFailed(f"{name} can't be loaded; fetch it again: troupe models pull {name}") from error
            return transcriber

        return cls(Pool(load, decoders), package.MoonshineError)

    @property
    def rate(self) -> int:
        """The rate it hears: 16000 Hz."""
        return RATE

    def start(self) -> "MoonshineUtterance":
        """Begin an utterance.

        Raises:
            EngineBusy: if as many utterances are being heard as may be.
            EngineFailed: if a further model can't be loaded, or the library reports an error.
        """
        try:
            return MoonshineUtterance(self._transcribers, self._failure)
        except self._failure as error:
            raise EngineFailed("moonshine can't begin an utterance; open the engine again") from error

    def close(self) -> None:
        """Free the models; all utterances must have ended."""
        for transcriber in self._transcribers.drain():
            transcriber.close()


class MoonshineUtterance:
    """One utterance; it holds a transcriber until it ends."""

    def __init__(self, transcribers: Pool[_Transcriber], failure: type[Exception]) -> None:
        self._transcribers = transcribers
        self._failure = failure
        self._transcriber = transcribers.take()
        self._stream: _Stream | None = self._begin()
        self._before: list[Hypothesis] = []  # of the streams before this one
        self._start = 0.0  # of the stream, in seconds of the utterance
        self._heard = 0.0  # seconds of audio in the stream
        self._read = 0.0  # how much of it the last hypothesis has seen
        self._cost = 0.0  # seconds that it took
        self._text = ""

    def push(self, pcm: bytes) -> Hypothesis | None:
        """Hear more audio: mono s16le at 16 kHz, any whole number of samples.

        Returns:
            The partial hypothesis, if it was time for one and its text has changed. On a machine that can't keep up
            the intervals grow, so that a hypothesis never takes longer than the audio it is about.

        Raises:
            RuntimeError: if the utterance has ended.
            ValueError: if half a sample is pushed.
            EngineFailed: if the library reports an error; the utterance has then ended.
        """
        samples = to_float32(int16_from_bytes(pcm))
        with self._using() as stream:
            if len(samples):
                stream.add_audio(samples.tolist(), RATE)
                self._heard += len(samples) / RATE
            if self._heard - self._read < max(_INTERVAL, self._cost):
                return None
            began = time.perf_counter()
            text = self._join(_text(stream.update_transcription(_FORCE_UPDATE)))
            self._read, self._cost = self._heard, time.perf_counter() - began
            if self._heard >= _LONGEST:
                self._turn_over(stream)
        if text == self._text:
            return None
        self._text = text
        return Hypothesis(text)

    def finish(self) -> Hypothesis:
        """End the utterance; return the final hypothesis.

        Raises:
            RuntimeError: if the utterance has ended.
            EngineFailed: if the library reports an error.
        """
        with self._using() as stream:
            last = self._close(stream)
        self._end()
        words = tuple(word for hypothesis in (*self._before, last) for word in hypothesis.words)
        return Hypothesis(self._join(last.text), words, final=True)

    def abandon(self) -> None:
        """End the utterance without a result; after its end this does nothing."""
        if self._stream is not None:
            self._stream.close()
            self._end()

    def _begin(self) -> _Stream:
        stream = self._transcriber.create_stream(math.inf, transcribe_flags=_FORCE_UPDATE)  # updated when told to
        stream.start()
        return stream

    def _turn_over(self, stream: _Stream) -> None:
        """Go on in a new stream."""
        self._before.append(self._close(stream))
        self._start += self._heard
        self._heard = self._read = 0.0
        self._stream = self._begin()

    def _close(self, stream: _Stream) -> Hypothesis:
        stream.add_audio(_TAIL, RATE)
        transcript = stream.stop()
        if transcript is None:  # the library has told its listeners of an error, and nobody else
            raise self._failure
        stream.close()
        words = tuple(
            Word(timing.word, self._start + timing.start, self._start + timing.end, timing.confidence)
            for line in transcript.lines
            for timing in line.words or ()
        )
        return Hypothesis(_text(transcript), words)

    def _join(self, text: str) -> str:
        return " ".join(filter(None, (*(hypothesis.text for hypothesis in self._before), text)))

    @contextmanager
    def _using(self) -> Generator[_Stream, None, None]:
        if self._stream is None:
            raise RuntimeError("the utterance has ended; start another")
        try:
            yield self._stream
        except self._failure as error:
            self._stream.close()
            self._end()
            raise EngineFailed("moonshine failed to transcribe; start another utterance") from error

    def _end(self) -> None:
        self._stream = None
        self._transcribers.give_back(self._transcriber)


def _text(transcript: _Transcript) -> str:
    return " ".join(text for line in transcript.lines if (text := line.text.strip()))
