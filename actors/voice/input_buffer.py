"""The input audio buffer of a session: what the client sends, judged window by window, and the utterance in it.

Time is audio time. Some clients send a whole recording at once; so the utterance gets its audio as it is judged, not as
it comes, and who sends faster than that is made to wait.
"""

from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, Final

from anyio import Event, sleep
from anyio.lowlevel import checkpoint

from ...codecs.audio_format import AUDIO_FORMATS
from ...codecs.pcm import Int16
from ...codecs.turn import SemanticVad, ServerVad, TurnDetection, TurnDetector
from ...codecs.turn_table import Agent, Decision, User
from ...runtime import Context
from ..realtime import session_config as config
from ..realtime.errors import commit_is_empty
from ..realtime.names import name_of
from .activity import Listener
from .ear import RATE, WINDOW, Ear
from .recordings import Recordings
from .services import Services
from .utterance import Utterance

LEAST_COMMIT: Final = RATE // 10
"""Samples that a commit by the client has to hold: 100 ms, as at OpenAI."""
LEAST_SPEECH: Final = RATE * 64 // 1000
"""Samples of voice before which nothing is decided: less is a click."""
BACKLOG: Final = RATE // 2
"""Samples that may wait to be judged before the client has to; the ear keeps what a turn begins with beside them."""
SMALL: Final = 4096
"""Bytes of audio that are not too many to take at once, whatever the format."""
GAP: Final = 0.2
"""Seconds without audio after which a client counts as silent: many send nothing while their microphone is quiet."""

AudioInput = config.AudioInput | config.TranscriptionAudioInput


class InputBuffer:
    """See the module.

    Args:
        wanted: The session's configuration of it.
        context: The session's.
        services: Who transcribes.
        recordings: Where the audio is kept.
        decide: Gets what the detector decides.
        understood: Called when an utterance is understood a little further.
    """

    def __init__(
        self,
        wanted: AudioInput,
        context: Context,
        services: Services,
        recordings: Recordings,
        *,
        decide: Callable[[Sequence[Decision]], None],
        understood: Callable[[Utterance], None],
    ) -> None:
        self.utterance: Utterance | None = None
        """What the user is saying."""
        self.listener: Listener | None = None
        """Where audio goes to be judged; set while the session lives."""
        self.voice = 0
        """Position up to which there is voice."""
        self._wanted = wanted
        self._context = context
        self._services = services
        self._recordings = recordings
        self._decide = decide
        self._understood = understood
        self._ear = Ear(AUDIO_FORMATS[name_of(type(wanted.format))])
        self._detector = TurnDetector(_detection(wanted), rate=RATE, min_speech_ms=LEAST_SPEECH * 1000 // RATE)
        self._threshold = self._voice_from()
        self._origin = 0  # position in the audio of the detector's position 0
        self._rest = 0  # samples that had not been judged when the client went over to manual turns
        self._uncommitted = 0  # position from which on the buffer has not become an item
        self._heard_until = 0.0
        self._judged: Event | None = None
        self._minding = False

    @property
    def position(self) -> int:
        """Samples heard so far."""
        return self._ear.position

    @property
    def judged(self) -> int:
        """Position up to which the audio was judged."""
        return self._origin + self._detector.position

    @property
    def speaking(self) -> bool:
        """Whether a turn is under way, and no pause in it."""
        return self._detector.user is User.SPEECH

    @property
    def pausing(self) -> bool:
        """Whether the turn may have ended."""
        return self._detector.user is User.MAYBE_ENDED

    @property
    def manual(self) -> bool:
        """Whether the client alone begins and ends turns."""
        return self._wanted.turn_detection is None

    @property
    def unjudged(self) -> bool:
        """Whether whole windows wait to be judged."""
        return not self.manual and self._ear.position - self.judged >= WINDOW

    # -- what comes in ---------------------------------------------------------------------------------------------

    def append(self, audio: bytes) -> Coroutine[Any, Any, None] | None:
        """Take audio, in the client's format. What is returned has to be awaited before there is more."""
        self._heard_until = self._context.system.now()
        if len(audio) > SMALL and len(audio) > self._most_bytes:
            return self._append_slowly(audio)
        samples = self._ear.push(audio)
        if not len(samples):
            return None
        self._take(samples)
        return self.catch_up() if self._is_behind else None

    @property
    def _most_bytes(self) -> int:
        return self._ear.form.rate * self._ear.form.sample_size * BACKLOG // RATE

    @property
    def _is_behind(self) -> bool:
        return not self.manual and self._ear.position - self.judged > BACKLOG

    async def _append_slowly(self, audio: bytes) -> None:
        for piece in _slices(audio, self._most_bytes):
            self._take(self._ear.push(piece))
            if self._is_behind:
                await self.catch_up()
            else:
                await checkpoint()  # a minute at once would hold up all others

    async def catch_up(self) -> None:
        """Wait until all whole windows have been judged."""
        while self.unjudged:
            self._judged = Event()
            await self._judged.wait()
        self._judged = None

    def _take(self, samples: Int16) -> None:
        if not len(samples):
            return
        if self.manual:  # every byte belongs to a turn
            utterance = self.utterance or self.begin(
                self._ear.position - len(samples), self._ear.position - len(samples)
            )
            self._feed(utterance, samples)
        elif self.listener is not None:
            self.listener.push(samples)

    def heard(self, probability: float) -> None:
        """The next window is speech with this probability."""
        decisions = self._detector.window(probability)
        judged = self.judged
        if self.utterance is not None:
            self._feed(self.utterance, self._ear.between(judged - WINDOW, judged))
        if probability >= self._threshold:
            self.voice = judged
        self._decide(decisions)
        if self._judged is not None:
            self._judged.set()

    def _voice_from(self) -> float:
        detection = _detection(self._wanted)
        return detection.threshold if isinstance(detection, ServerVad) else ServerVad().threshold

    def _feed(self, utterance: Utterance, samples: Int16) -> None:
        pcm = samples.tobytes()
        utterance.push(pcm)
        self._recordings.add(utterance.item_id, pcm)

    # -- the utterance ---------------------------------------------------------------------------------------------

    def absolute(self, position: int) -> int:
        """Return the position in the audio for one of the detector's."""
        return self._origin + position

    def begin(self, start: int, stop: int) -> Utterance:
        """Begin an utterance with the audio between two positions."""
        wanted = self._wanted.transcription
        utterance = Utterance(
            self._services,
            self._context.system.now,
            start=start,
            language=self._services.opening.heard(wanted),
            prompt=wanted.prompt if wanted else None,
            changed=self._changed,
        )
        self.utterance = utterance
        self._feed(utterance, self._ear.between(start, stop))
        self._context.start_soon(utterance.run)
        self._mind_gaps()
        return utterance

    def take(self) -> Utterance | None:
        """End the utterance under way and return it; the buffer is empty then."""
        utterance, self.utterance = self.utterance, None
        self._uncommitted = self.position if self.manual else self.judged
        if utterance is not None:
            utterance.end()
        return utterance

    def drop(self) -> None:
        """Throw away the utterance under way."""
        if self.utterance is not None:
            self.utterance.drop()
            self._recordings.forget(self.utterance.item_id)
            self.utterance = None

    def commit(self) -> Utterance:
        """The client ends the turn: return what it has said. `catch_up` first.

        Raises:
            ClientMistake: That is less than 100 ms.
        """
        self._take(self._ear.settle())
        held = self.position - self._uncommitted
        if held < LEAST_COMMIT:
            raise commit_is_empty(held * 1000 / RATE)
        if self.utterance is None:
            self.begin(self._uncommitted, self.position)
        elif not self.manual:
            self._feed(self.utterance, self._ear.between(self.judged, self.position))
        self._detector.commit()
        utterance = self.take()
        self._uncommitted = self.position
        assert utterance is not None
        return utterance

    def clear(self) -> None:
        """The client throws the buffer away. `catch_up` first."""
        self.drop()
        self._detector.clear()
        self._ear.flush()
        self._uncommitted = self.position

    def reconfigure(self, wanted: AudioInput) -> Sequence[Decision]:
        """Go on with another configuration. `catch_up` first."""
        before, self._wanted = self._wanted, wanted
        if wanted.format != before.format:
            self._take(self._ear.settle())
            self._ear.listen_to(AUDIO_FORMATS[name_of(type(wanted.format))])
        if wanted.turn_detection == before.turn_detection:
            return ()
        if wanted.turn_detection is None:
            self._rest = self.position - self.judged
        elif before.turn_detection is None:  # nothing was judged in the meantime
            self._origin = self.position - self._rest - self._detector.position
        self._threshold = self._voice_from()
        decisions = self._detector.reconfigure(_detection(wanted))
        self._mind_gaps()
        return decisions

    def agent_is(self, agent: Agent) -> Sequence[Decision]:
        """The agent now thinks, speaks or is idle."""
        decisions = self._detector.agent_is(agent)
        self._mind_gaps()
        return decisions

    def _changed(self, utterance: Utterance) -> None:
        if utterance is self.utterance:
            self._decide(self._detector.transcript(utterance.partial))
        self._understood(utterance)

    # -- time without audio ----------------------------------------------------------------------------------------

    def _mind_gaps(self) -> None:
        if self._needs_time and not self._minding:
            self._minding = True
            self._heard_until = self._context.system.now()
            self._context.start_soon(self._count_gaps)

    @property
    def _needs_time(self) -> bool:
        """Whether anything may happen when no audio comes: a turn may end, or patience run out."""
        detection = self._wanted.turn_detection
        if detection is None:
            return False
        waits_for_user = getattr(detection, "idle_timeout_ms", None) and self._detector.agent is Agent.IDLE
        return self.utterance is not None or bool(waits_for_user)

    async def _count_gaps(self) -> None:
        """Count as silence the time in which a client that should be sending audio sends none."""
        now = self._context.system.now
        try:
            while self._needs_time:
                missing = now() - self._heard_until
                if missing >= GAP:
                    self._heard_until += missing
                    self._decide(self._detector.elapse(missing))
                await sleep(max(GAP / 2, self._heard_until + GAP - now()))
        finally:
            self._minding = False


def _slices(audio: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(audio), size):
        yield audio[start : start + size]


def _detection(wanted: AudioInput) -> TurnDetection:
    """Return the parameters of the detector for those of the protocol."""
    match wanted.turn_detection:
        case None:
            return None
        case config.SemanticVad() | config.TranscriptionSemanticVad() as semantic:
            return SemanticVad(
                eagerness=semantic.eagerness,
                create_response=semantic.create_response is not False,
                interrupt_response=semantic.interrupt_response is not False,
            )
        case vad:
            return ServerVad(
                threshold=vad.threshold,
                prefix_padding_ms=vad.prefix_padding_ms,
                silence_duration_ms=vad.silence_duration_ms,
                create_response=vad.create_response is not False,
                interrupt_response=vad.interrupt_response is not False,
                idle_timeout_ms=vad.idle_timeout_ms if isinstance(vad.idle_timeout_ms, int) else None,
            )
