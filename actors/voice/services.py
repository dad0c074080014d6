"""What a session uses: references to providers, and what all sessions of a process share."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ...runtime import Ref
from ...runtime.histogram import Histogram
from ..providers.browser.page import Page
from ..realtime.response_events import RateLimit
from .activity import Activity
from .context_window import CONTEXT_TOKENS
from .interruption import Interruption
from .opening import Opening
from .patience import Patience
from .recordings import KEPT

OPENAI_VOICES = frozenset(
    {"alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"}
)
"""Voices that clients of OpenAI name without a thought, whoever speaks."""


SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)
"""Bounds of what is counted of times."""


DELTA = 0.1
"""Seconds of audio in an event, unless a synthesizer says more at once."""


@dataclass(slots=True)
class Tally:
    """What sessions count, all of a process together."""

    turns: int = 0
    """Turns of users that were to be answered."""
    failed: int = 0
    """Responses that ended with an error."""
    speculations_used: int = 0
    """Answers begun on a likely end of turn, and sent when it was one."""
    speculations_discarded: int = 0
    """Those thrown away: the user went on, or had said something else."""
    interruptions: int = 0
    """Times that a user has stopped the assistant."""
    backchannels: int = 0
    """Times that a sound has not: the assistant paused and went on."""
    errors: Counter[str] = field(default_factory=Counter)
    """What responses failed of, by the error's code."""
    transcript: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    """Seconds from the end of speech to its final transcript."""
    first_token: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    """Seconds from the request to a model to its first token."""
    first_audio: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    """Seconds from the first piece of text to its first audio."""
    answer: Histogram = field(default_factory=lambda: Histogram(SECONDS))
    """Seconds from the end of a turn to the first audio of its answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The providers of a session, each behind a reference: one actor, or a router over many."""

    recogniser: Ref
    model: Ref
    synthesizer: Ref
    activity: Activity
    patience: Patience = field(default_factory=Patience)
    interruption: Interruption = field(default_factory=Interruption)
    """What it takes to stop the assistant, where the session's turn detection lets speech do so."""
    speculate: bool = False
    """Whether an answer is begun when the user's turn may have ended. It is heard sooner by the time that the model
    takes to its first words, up to the silence that ends a turn; it costs a request more where the user goes on."""
    spoken_fallback: str = ""
    """What the assistant says where an answer fails; nothing if empty."""
    context_tokens: int = CONTEXT_TOKENS
    """Tokens of input, by estimate, that the model takes; see `context_window`."""
    recordings: int = KEPT
    """Bytes of audio that a session keeps for `conversation.item.retrieve`."""
    rate_limits: Callable[[], tuple[RateLimit, ...]] | None = None
    """What is left of the client's allowance, told after each response; None where there is no limit."""
    tally: Tally = field(default_factory=Tally)
    """Where sessions count."""
    lead: float = 0.5
    """Seconds of audio that are sent ahead of its playback, so that a network's hiccup is not heard."""
    delta: float = DELTA
    """Seconds of audio from which on nothing is added to an event. What a synthesizer has said up to then goes out
    together: a client that has audio to play already gains nothing from more and smaller events."""
    opening: Opening = field(default_factory=Opening)
    """How sessions begin."""
    page: Page | None = None
    """The client as a page that hears or speaks by itself; None where nobody needs it to."""
    conversation: Ref | None = None
    """Who holds conversations instead of the three: a model that hears and speaks by itself. They then only transcribe,
    for sessions that want nothing else. None: nobody."""
    record: Path | None = None
    """A folder for recordings of all sessions, with everything that is said in them; None: nothing is recorded."""
