"""Turn detection: when the user's turn begins, pauses, goes on and ends, and when it interrupts the agent.

A `TurnDetector` is told what is heard (one probability of speech per window), what is understood (transcripts), what
the agent does and how time passes, and answers with decisions. It has no clock of its own: time is the audio that has
come in, as clients may send it faster than it was spoken, and `elapse` where audio stays away. `turn_table` holds the
states and transitions; here are the parameters, and the stretches of time that become events.
"""

from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from .end_of_turn import EndOfTurnScorer, TranscriptScorer
from .silero import window_size
from .turn_table import (
    ROWS,
    TIMERS,
    Agent,
    Decision,
    Dropped,
    Ended,
    Event,
    IdleTimeout,
    Interrupted,
    MaybeEnded,
    Resumed,
    Row,
    SpeechStarted,
    Stretch,
    User,
)

Eagerness: TypeAlias = Literal["low", "medium", "high", "auto"]

SILENCE_BOUNDS: Final[dict[Eagerness, tuple[float, float]]] = {
    "low": (0.6, 8.0),
    "medium": (0.3, 4.0),
    "high": (0.2, 2.0),
    "auto": (0.3, 4.0),
}
"""Seconds of silence that end a turn: when the transcript is surely complete, and when it surely is not.

The upper bounds, and that auto is medium, are those of OpenAI's Realtime API."""

HYSTERESIS: Final = 0.15
"""How far below the threshold a window has to be to count as quiet, as in Silero's own iterator."""
LOWEST_QUIET: Final = 0.01
"""The lower threshold is at least this, also as in Silero."""
_UNDECIDED: Final = 0.5
_NOTHING: Final[tuple[Decision, ...]] = ()


class ServerVad(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="server_vad"):
    """A turn ends after a fixed silence. Fields and defaults as OpenAI's ``turn_detection`` of this type.

    Raises:
        ValueError: if a value is out of range.
    """

    threshold: float = 0.5
    """Probability from which a window is voice, 0 to 1."""
    prefix_padding_ms: int = 300
    """Audio before the onset that belongs to the turn."""
    silence_duration_ms: int = 500
    """Silence that ends the turn."""
    create_response: bool = True
    """Whether the end of a turn asks for a response."""
    interrupt_response: bool = True
    """Whether the start of a turn interrupts the agent."""
    idle_timeout_ms: int | None = None
    """Silence after the agent has finished that brings an `IdleTimeout`, 5000 to 30000; None: never."""

    def __post_init__(self) -> None:
        if not 0 <= self.threshold <= 1:
            raise ValueError("threshold must be between 0 and 1")
        if self.prefix_padding_ms < 0:
            raise ValueError("prefix_padding_ms must not be negative")
        if self.silence_duration_ms < 0:
            raise ValueError("silence_duration_ms must not be negative")
        if self.idle_timeout_ms is not None and not 5000 <= self.idle_timeout_ms <= 30_000:
            raise ValueError("idle_timeout_ms must be between 5000 and 30000, or null")


class SemanticVad(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="semantic_vad"):
    """A turn ends after a silence that depends on what was said, see `EndOfTurnScorer` and `SILENCE_BOUNDS`."""

    eagerness: Eagerness = "auto"
    """How soon to answer."""
    create_response: bool = True
    """Whether the end of a turn asks for a response."""
    interrupt_response: bool = True
    """Whether the start of a turn interrupts the agent."""


TurnDetection: TypeAlias = ServerVad | SemanticVad | None
"""None: the client alone begins and ends turns."""


def silence_wanted(eagerness: Eagerness, completion: float) -> float:
    """Return the seconds of silence that end a turn which is complete with probability `completion`.

    Between the bounds it falls with the square of the doubt, so that a middling score waits near the lower one:
    ``least + (most - least) * (1 - completion) ** 2``.
    """
    least, most = SILENCE_BOUNDS[eagerness]
    return least + (most - least) * (1 - completion) ** 2


class TurnDetector:
    """Decides on the turns of one session.

    Each method that tells it something returns the decisions which follow, mostly none, in the order to act on them.
    Positions in decisions count samples from the start of the input audio, whatever the turns.

    Args:
        detection: the parameters; None is manual mode, in which audio brings no decision.
        rate: of the audio that the probabilities are for, 16000 or 8000 Hz.
        scorer: judges transcripts for `SemanticVad`; `TranscriptScorer` if None.
        min_speech_ms: voice shorter than this is a click and brings nothing.
        maybe_ended_ms: quiet within a turn that brings `MaybeEnded`.

    Attributes:
        user: what the user does.
        agent: what the agent does.
        position: samples of audio judged so far.
    """

    def __init__(
        self,
        detection: TurnDetection,
        *,
        rate: int = 16_000,
        scorer: EndOfTurnScorer | None = None,
        min_speech_ms: int = 64,
        maybe_ended_ms: int = 128,
    ) -> None:
        self.user = User.SILENCE
        self.agent = Agent.IDLE
        self.position = 0
        self._rate = rate
        self._window = window_size(rate)
        self._scorer = scorer or TranscriptScorer()
        self._completion = _UNDECIDED
        self._missing = 0  # samples' worth of time that passed without audio
        self._began: dict[Stretch, int] = {}  # in time: audio and missing audio
        self._began_at: dict[Stretch, int] = {}  # in positions
        self._floor = 0  # where the latest turn ended: no turn begins before it
        self._start = 0  # of the open turn
        self._makers: dict[type[Decision], Callable[[Event], Decision]] = {
            SpeechStarted: self._speech_started,
            MaybeEnded: lambda _: MaybeEnded(self.position, self._began_at[Stretch.QUIET]),
            Resumed: lambda _: Resumed(self.position),
            Ended: self._ended,
            Interrupted: lambda _: Interrupted(self.position),
            Dropped: self._dropped,
            IdleTimeout: self._idle_timeout,
        }
        self._min_speech_ms = min_speech_ms
        self._maybe_ended_ms = maybe_ended_ms
        self._limits: dict[Event, int | None] = {}
        self._configure(detection)

    def window(self, probability: float) -> Sequence[Decision]:
        """One more window of audio was judged.

        Args:
            probability: of speech in it, 0 to 1.
        """
        begin = self.position
        self.position = begin + self._window
        if probability >= self._voice_from:
            self._began.pop(Stretch.QUIET, None)
            self._begin(Stretch.VOICE, begin)
            return self._happens(Event.VOICE)
        if probability < self._quiet_below:
            self._began.pop(Stretch.VOICE, None)
            self._begin(Stretch.QUIET, begin)
            return self._happens(Event.QUIET)
        return _NOTHING

    def elapse(self, seconds: float) -> Sequence[Decision]:
        """Time passed in which audio was due and none came; it counts as quiet, and positions stand still.

        A session calls this when its client sends nothing while silent; otherwise its turns would never end.

        Raises:
            ValueError: if `seconds` is negative.
        """
        if seconds < 0:
            raise ValueError(f"time does not run backwards: {seconds} s")
        if self._detection is None:
            return _NOTHING
        self._began.pop(Stretch.VOICE, None)
        self._begin(Stretch.QUIET, self.position)
        self._missing += round(seconds * self._rate)
        return self._happens(Event.QUIET)

    def transcript(self, text: str) -> Sequence[Decision]:
        """The transcript of the open turn so far is `text`, all of it; it matters to `SemanticVad` only."""
        return self.completion(self._scorer.score(text)) if self._weighs_words() else _NOTHING

    def completion(self, probability: float) -> Sequence[Decision]:
        """Some other judge, such as a model that listens, holds the open turn for complete with this probability.

        As `transcript`, it matters to `SemanticVad` only, and not between turns.
        """
        if not self._weighs_words():
            return _NOTHING
        self._completion = min(max(probability, 0.0), 1.0)
        self._limits[Event.EXPIRED] = self._silence_limit(self._completion)
        return self._happens(self._due())

    def agent_is(self, agent: Agent) -> Sequence[Decision]:
        """The agent now thinks, speaks (it is being heard) or is idle (all of it has been played)."""
        if agent is self.agent:
            return _NOTHING
        self._began.pop(Stretch.IDLE, None)
        if agent is Agent.IDLE:
            self._begin(Stretch.IDLE, self.position)
        return self._happens(_AGENT_EVENTS[agent])

    def commit(self) -> Sequence[Decision]:
        """The client ends the turn: an open one ends without asking for a response. Earlier audio is used up."""
        return self._from_client(Event.COMMIT)

    def clear(self) -> Sequence[Decision]:
        """The client throws away what it has sent: an open turn is dropped. Earlier audio is used up."""
        return self._from_client(Event.CLEAR)

    def reconfigure(self, detection: TurnDetection) -> Sequence[Decision]:
        """Go on with other parameters. An open turn goes on as well; manual mode ends it as `commit` does."""
        decisions = self.commit() if detection is None else _NOTHING
        self._configure(detection)
        return decisions

    def _weighs_words(self) -> bool:
        under_way = self.user in {User.STARTING, User.SPEECH, User.MAYBE_ENDED}
        return under_way and isinstance(self._detection, SemanticVad)

    def _from_client(self, event: Event) -> Sequence[Decision]:
        decisions = self._happens(event)
        self._close()
        return decisions

    def _configure(self, detection: TurnDetection) -> None:
        self._detection = detection
        self._rows = ROWS[detection is not None and detection.interrupt_response]
        self._row: Row = self._rows[self.user, self.agent]
        server = detection if isinstance(detection, ServerVad) else ServerVad()
        # in manual mode no window is voice or quiet
        self._voice_from = server.threshold if detection else 2.0
        self._quiet_below = max(server.threshold - HYSTERESIS, LOWEST_QUIET) if detection else -1.0
        self._padding = self._samples(server.prefix_padding_ms)
        idle = server.idle_timeout_ms
        self._limits = {
            Event.CONFIRMED: self._samples(self._min_speech_ms),
            Event.PAUSED: min(self._samples(self._maybe_ended_ms), self._silence_limit(completion=1.0)),
            Event.EXPIRED: self._silence_limit(self._completion),
            Event.TIRED: None if idle is None else self._samples(idle),
        }

    def _silence_limit(self, completion: float) -> int:
        detection = self._detection
        if isinstance(detection, SemanticVad):
            return round(silence_wanted(detection.eagerness, completion) * self._rate)
        return self._samples(detection.silence_duration_ms) if detection else 0

    def _samples(self, milliseconds: int) -> int:
        return milliseconds * self._rate // 1000

    def _begin(self, stretch: Stretch, position: int) -> None:
        if stretch not in self._began:
            self._began[stretch] = position + self._missing
            self._began_at[stretch] = position

    def _happens(self, event: Event | None) -> tuple[Decision, ...]:
        """Follow the table from `event`, then from every timer that has run out, until nothing more follows."""
        decisions = _NOTHING
        while event is not None:
            following = self._row.get(event)
            if following is not None:
                decisions += tuple(self._makers[kind](event) for kind in following.decisions)
                self.user, self.agent, _ = following
                self._row = self._rows[self.user, self.agent]
            event = self._due()
        return decisions

    def _due(self) -> Event | None:
        """Return the event of the timer that has run out in this state of the user, if it has."""
        stretch, event = TIMERS[self.user]
        began, limit = self._began.get(stretch), self._limits[event]
        if began is None or limit is None or self.position + self._missing - began < limit:
            return None
        return event

    def _close(self) -> None:
        """Forget the turn: what has come in until now belongs to no later one."""
        self._floor = self.position
        self._completion = _UNDECIDED
        self._limits[Event.EXPIRED] = self._silence_limit(_UNDECIDED)
        self._began.clear()

    def _speech_started(self, _event: Event) -> SpeechStarted:
        self._start = max(self._began_at[Stretch.VOICE] - self._padding, self._floor)
        self._began.pop(Stretch.IDLE, None)
        return SpeechStarted(self.position, self._start)

    def _ended(self, event: Event) -> Ended:
        speech_end = self._began_at[Stretch.QUIET] if Stretch.QUIET in self._began else self.position
        respond = event is not Event.COMMIT and self._detection is not None and self._detection.create_response
        self._close()
        return Ended(self.position, self._start, speech_end, respond)

    def _dropped(self, _event: Event) -> Dropped:
        self._close()
        return Dropped(self.position)

    def _idle_timeout(self, _event: Event) -> IdleTimeout:
        start = self._began_at[Stretch.IDLE]
        self._close()
        return IdleTimeout(self.position, start)


_AGENT_EVENTS: Final = {
    Agent.THINKING: Event.THINKS,
    Agent.SPEAKING: Event.SPEAKS,
    Agent.IDLE: Event.FINISHES,
}
