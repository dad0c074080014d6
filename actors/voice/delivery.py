"""Speaking one message: pieces of text go to the synthesizer, what it says is paced and sent.

Audio goes out as it is played, less a lead; pieces of it that are there at the same time go out as one. While the
assistant is paused nothing goes out, and nothing is lost: it goes on at the next sample. Where the client's own machine
speaks, there is nothing to send but the text that goes with it; what was heard is known all the same.
"""

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from anyio import Event, create_task_group, sleep

from ...codecs.audio_format import AudioFormat
from ...codecs.pcm import Int16, int16_from_bytes
from ...codecs.playback import PlaybackClock
from ...codecs.resample import Resampler
from ...codecs.speakable import Piece
from ...runtime import Channel, Duplex, System
from ...runtime.errors import EndOfChannel
from ...runtime.parking import Latch
from ..contracts import Say, Speech, Synthesize
from ..errors import ProviderTimeout
from ..routing.watchdog import Watchdog, watchdog
from .output import Output, OutputMessage
from .services import Services

REFILL: Final = 0.4
"""Share of the lead that the client may have played before it is sent more."""


class Pause:
    """Whether the assistant holds its breath, and those who wait for it to go on."""

    def __init__(self) -> None:
        self._over: Event | None = None

    def begin(self) -> None:
        """Hold what is about to be sent."""
        self._over = self._over or Event()

    def end(self) -> None:
        """Go on."""
        if self._over is not None:
            self._over.set()
            self._over = None

    @property
    def on(self) -> bool:
        """Whether it does."""
        return self._over is not None

    async def wait(self) -> None:
        """Wait until there is no pause."""
        while self._over is not None:
            await self._over.wait()


class Spoken:
    """What of a message is spoken when; it outlives the delivery, as a client may truncate the message later.

    Args:
        form: The format of its audio.
    """

    def __init__(self, form: AudioFormat) -> None:
        self.source = ""
        """The text as the model has written it so far."""
        self.clock = PlaybackClock(form.rate)
        self.form = form

    @property
    def seconds(self) -> float:
        """How much audio was sent."""
        return self.clock.sent / self.form.rate

    def played(self, seconds: float, now: float) -> None:
        """Note speech that was heard without being sent."""
        self.clock.send(round(seconds * self.form.rate), now)
        self.clock.reached(self.clock.sent, now)

    def bytes_until(self, milliseconds: int) -> int:
        """Return how many bytes of audio are sent for so many milliseconds."""
        return milliseconds * self.form.rate // 1000 * self.form.sample_size

    def heard(self, now: float) -> str:
        """Return what of the text has been heard."""
        return self.source[: self.clock.heard(now).source_end]

    def cut(self, audio_end_ms: int) -> str:
        """Cut it after that time of its audio; return what is left of the text."""
        return self.source[: self.clock.truncate(audio_end_ms).source_end]


class Delivery:
    """One spoken message.

    Args:
        output: Where it goes.
        services: Who speaks it.
        request: In which voice.
        form: The format that the client gets.
        system: Whose clock and timer it goes by.
        gate: Nothing goes out before it is set.
        pause: Nothing goes out meanwhile.
        opened: Called when its first audio is about to go out.
        sent: Called with audio that went out.
    """

    def __init__(
        self,
        output: Output,
        services: Services,
        request: Synthesize,
        form: AudioFormat,
        system: System,
        *,
        gate: Latch,
        pause: Pause,
        opened: Callable[["Delivery"], None],
        sent: Callable[[str, bytes], None],
    ) -> None:
        self.spoken = Spoken(form)
        self.message: OutputMessage | None = None
        """Its item, once there is something to hear or to read."""
        self.muted = False
        """Whether its audio is not sent any more."""
        self._output = output
        self._services = services
        self._request = request
        self._form = form
        self._now = system.now
        self._deadlines = system.deadlines
        self._gate = gate
        self._pause = pause
        self._opened = opened
        self._sent = sent
        self._resampler: Resampler | None = None
        self._held: list[Int16] = []  # of the piece that is being spoken, about to be sent
        self._said: list[Piece] = []
        self._piece = -1  # that is being spoken
        self._finished = 0  # pieces that have been spoken
        self._asked: float | None = None  # for the first audio
        self._waited = 0.0  # for the synthesizer, while it had something to speak

    async def open(self) -> OutputMessage:
        """Begin the message, as soon as anything may go out."""
        await self._gate.wait()
        await self._pause.wait()
        if self.message is None:
            self.message = OutputMessage(self._output, spoken=True)
            self._opened(self)
        return self.message

    async def speak(self, pieces: Channel[Piece]) -> None:
        """Have the pieces spoken, and send what is spoken, until there are no more.

        Raises:
            ProviderTimeout: The synthesizer has kept it waiting.
            Exception: Whatever else is wrong with the synthesizer.
        """
        try:
            first = await pieces.receive()
        except EndOfChannel:
            return  # nothing to say: a tool call alone, say
        if not first.text:  # marks that nobody speaks are all there is, but they can be read
            if self.spoken.source.strip():
                self._write_along(await self.open(), len(self.spoken.source))
            return
        self._asked = self._now()
        with watchdog("synthesizer", self._deadlines) as dog:
            dog.expect(self._services.patience.first_audio)
            async with (
                self._services.synthesizer.open(self._request, timeout=math.inf) as voice,
                create_task_group() as tasks,
            ):
                self._said.append(first)
                await voice.send(Say(first.text))
                tasks.start_soon(self._say, voice, pieces, dog)
                await self._read(voice, dog)
        if self._resampler is not None:
            self._held.append(self._resampler.finish())
            await self._send()
        if self.message is not None:
            self._write_along(self.message, len(self.spoken.source))

    async def _say(self, voice: Duplex[Say, Speech], pieces: Channel[Piece], dog: Watchdog) -> None:
        async for piece in pieces:
            if piece.text:  # the rest may be marks that nobody speaks
                if self._finished == len(self._said):
                    dog.expect(self._services.patience.first_audio)
                self._said.append(piece)
                await voice.send(Say(piece.text))
        voice.finish()

    async def _read(self, voice: Duplex[Say, Speech], dog: Watchdog) -> None:
        patience = self._services.patience
        while True:
            speech = voice.poll()
            if speech is None:
                try:
                    speech = await self._next(voice)
                except EndOfChannel:
                    return
            if self._asked is not None:
                self._services.tally.first_audio.observe(self._now() - self._asked)
                self._asked = None
            dog.hold()
            await self._play(speech, self._said[speech.piece])
            if not voice.waiting:
                await self._send()
            self._finished = speech.piece + speech.last
            dog.release(patience.between_audio if self._finished < len(self._said) else math.inf)

    async def _next(self, voice: Duplex[Say, Speech]) -> Speech:
        """Wait for more speech, and note for how long if there is some to come."""
        owed, asked = self._finished < len(self._said), self._now()
        speech = await voice.receive()
        if owed:
            self._waited += self._now() - asked
            if self._waited > self._services.patience.speech + self.spoken.seconds:
                raise ProviderTimeout("synthesizer", "slower than its speech is to be heard")
        return speech

    async def _play(self, speech: Speech, piece: Piece) -> None:
        message = self.message
        if message is None or (self._pause.on and not speech.heard):  # what is heard elsewhere can't be held
            message = await self.open()
        if speech.piece != self._piece:
            await self._send()
            self._piece = speech.piece
            self.spoken.clock.begin(piece)
            self._write_along(message, piece.end)
        if speech.words:
            self.spoken.clock.words(speech.words)
        if speech.heard:
            self.spoken.played(speech.heard, self._now())
        samples = int16_from_bytes(speech.pcm)
        if speech.rate != self._form.rate:
            if self._resampler is None:
                self._resampler = Resampler(speech.rate, self._form.rate)
            samples = self._resampler.push(samples)
        self._held.append(samples)
        if sum(map(len, self._held)) >= self._services.delta * self._form.rate:
            await self._send()

    def _write_along(self, message: OutputMessage, end: int) -> None:
        """Send the text that goes with what is spoken, up to `end` of what the model has written."""
        message.write(self.spoken.source[len(message.text) : end])

    async def _send(self) -> None:
        """Send the audio that is held, when the client has no more than the lead of it to play."""
        message = self.message
        if not self._held or message is None:
            return
        samples = np.concatenate(self._held)
        self._held.clear()
        if not len(samples):
            return
        while True:
            if self._pause.on:
                await self._pause.wait()
            ahead = self.spoken.clock.remaining(self._now()) - self._services.lead
            if ahead <= 0:
                break
            await sleep(ahead + self._services.lead * REFILL)  # not for every chunk: waking up costs more than sending
        if self.muted or self._output.stopped:
            return
        audio = self._form.encode(samples)
        message.play(audio)
        self.spoken.clock.send(len(samples), self._now())
        self._sent(message.id, audio)
