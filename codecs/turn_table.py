"""Turn-taking as a table: every state, event, decision and transition stands here, and nowhere else.

`turn.TurnDetector` turns probabilities and clock into events and looks them up; the diagram and the table in
``docs/turns.md`` are written by `diagram` and `listing`.

Two things have a state: the user and the agent. A transition applies if both are in one of the states it names.
An event for which there is no transition changes nothing.
"""

from enum import StrEnum
from typing import Final, NamedTuple, TypeAlias

import msgspec


class User(StrEnum):
    """What the user does."""

    SILENCE = "silence"
    """Nobody speaks."""
    STARTING = "starting"
    """There is voice, too short yet to be more than a click."""
    SPEECH = "speech"
    """A turn is under way."""
    MAYBE_ENDED = "maybe ended"
    """A pause within a turn, long enough to begin an answer on speculation."""
    ENDED = "ended"
    """The turn is over and nothing has been heard of the agent yet."""


class Agent(StrEnum):
    """What the agent does; the session says so."""

    IDLE = "idle"
    """Nothing is generated, and nothing is left to be played."""
    THINKING = "thinking"
    """A response is under way and nothing of it is heard yet."""
    SPEAKING = "speaking"
    """Its audio is being played at the user's end."""


class Event(StrEnum):
    """What happens, in the words of the diagram."""

    VOICE = "voice"
    """A window at or above the threshold."""
    QUIET = "quiet"
    """A window below the lower threshold, or time without audio."""
    CONFIRMED = "voice for min_speech_ms"
    PAUSED = "quiet for maybe_ended_ms"
    EXPIRED = "quiet for long enough"
    """``silence_duration_ms`` of `ServerVad`, or what the end-of-turn score asks for."""
    TIRED = "idle for idle_timeout_ms"
    COMMIT = "commit"
    """The client ends the turn."""
    CLEAR = "clear"
    """The client throws the turn away."""
    THINKS = "agent thinks"
    SPEAKS = "agent speaks"
    FINISHES = "agent is idle"


class Stretch(StrEnum):
    """What is timed, from its beginning until now."""

    VOICE = "voice"
    """Since the first window of voice, with no quiet one after it."""
    QUIET = "quiet"
    """Since the first quiet window, with no voice after it."""
    IDLE = "idle"
    """Since the agent became idle, until anybody acts or a decision is made."""


TIMERS: Final[dict[User, tuple[Stretch, Event]]] = {
    User.SILENCE: (Stretch.IDLE, Event.TIRED),
    User.STARTING: (Stretch.VOICE, Event.CONFIRMED),
    User.SPEECH: (Stretch.QUIET, Event.PAUSED),
    User.MAYBE_ENDED: (Stretch.QUIET, Event.EXPIRED),
    User.ENDED: (Stretch.IDLE, Event.TIRED),
}
"""Per state of the user: which stretch is held against its limit, and the event when it has lasted that long."""


class SpeechStarted(msgspec.Struct, frozen=True, gc=False):
    """A turn has begun. All positions count samples from the start of the input audio."""

    position: int
    """Where the decision was made: the end of the window that brought it."""
    start: int
    """Where the turn's audio begins: the onset less the padding, never inside an earlier turn."""


class MaybeEnded(msgspec.Struct, frozen=True, gc=False):
    """The user pauses. An answer may be begun on speculation; nothing of it may be played."""

    position: int
    speech_end: int
    """Where the quiet began."""


class Resumed(msgspec.Struct, frozen=True, gc=False):
    """The user goes on after `MaybeEnded`: what was begun on speculation is void."""

    position: int


class Ended(msgspec.Struct, frozen=True, gc=False):
    """The turn is over; its audio goes from `start` to `position`."""

    position: int
    start: int
    """As in the turn's `SpeechStarted`."""
    speech_end: int
    """Where the quiet at its end began; `position` if the turn was ended from outside in the middle of speech."""
    respond: bool
    """Whether a response is to be made: ``create_response``; never after a commit by the client."""


class Interrupted(msgspec.Struct, frozen=True, gc=False):
    """The user speaks while the agent thinks or speaks: stop it. Comes right after `SpeechStarted`."""

    position: int


class Dropped(msgspec.Struct, frozen=True, gc=False):
    """The turn that had started is thrown away."""

    position: int


class IdleTimeout(msgspec.Struct, frozen=True, gc=False):
    """Nobody has said anything since the agent finished. It comes once, until the agent has acted again."""

    position: int
    start: int
    """Where the silence began: the position when the agent became idle."""


Decision: TypeAlias = SpeechStarted | MaybeEnded | Resumed | Ended | Interrupted | Dropped | IdleTimeout


class Transition(NamedTuple):
    """One row of the table."""

    users: tuple[User, ...]
    agents: tuple[Agent, ...]
    event: Event
    user: User | None = None
    """The user's next state; None: as before."""
    agent: Agent | None = None
    """The agent's next state; None: as before."""
    decisions: tuple[type[Decision], ...] = ()
    interrupts: bool | None = None
    """The row holds only if ``interrupt_response`` is so; None: always."""


_ANY: Final = tuple(Agent)
_BUSY: Final = (Agent.THINKING, Agent.SPEAKING)
_OPEN: Final = (User.SPEECH, User.MAYBE_ENDED)
_WAITING: Final = (User.STARTING, User.ENDED)
_UNANSWERED: Final = (User.ENDED,)
_OTHERS: Final = tuple(user for user in User if user not in _UNANSWERED)

TABLE: Final = (
    # the user begins
    Transition((User.SILENCE, User.ENDED), _ANY, Event.VOICE, User.STARTING),
    Transition((User.STARTING,), _ANY, Event.QUIET, User.SILENCE),
    Transition((User.STARTING,), (Agent.IDLE,), Event.CONFIRMED, User.SPEECH, None, (SpeechStarted,)),
    Transition(
        (User.STARTING,), _BUSY, Event.CONFIRMED, User.SPEECH, Agent.IDLE, (SpeechStarted, Interrupted), interrupts=True
    ),
    Transition((User.STARTING,), _BUSY, Event.CONFIRMED, User.SPEECH, None, (SpeechStarted,), interrupts=False),
    # the user pauses, goes on, ends
    Transition((User.SPEECH,), _ANY, Event.PAUSED, User.MAYBE_ENDED, None, (MaybeEnded,)),
    Transition((User.MAYBE_ENDED,), _ANY, Event.VOICE, User.SPEECH, None, (Resumed,)),
    Transition((User.MAYBE_ENDED,), _ANY, Event.EXPIRED, User.ENDED, None, (Ended,)),
    # the client ends or drops the turn
    Transition(_OPEN, _ANY, Event.COMMIT, User.ENDED, None, (Ended,)),
    Transition(_OPEN, _ANY, Event.CLEAR, User.SILENCE, None, (Dropped,)),
    Transition(_WAITING, _ANY, Event.COMMIT, User.SILENCE),
    Transition(_WAITING, _ANY, Event.CLEAR, User.SILENCE),
    # the agent acts
    Transition(tuple(User), _ANY, Event.THINKS, None, Agent.THINKING),
    Transition(_UNANSWERED, _ANY, Event.SPEAKS, User.SILENCE, Agent.SPEAKING),
    Transition(_OTHERS, _ANY, Event.SPEAKS, None, Agent.SPEAKING),
    Transition(_UNANSWERED, _ANY, Event.FINISHES, User.SILENCE, Agent.IDLE),
    Transition(_OTHERS, _ANY, Event.FINISHES, None, Agent.IDLE),
    # nobody acts
    Transition((User.SILENCE, User.ENDED), (Agent.IDLE,), Event.TIRED, User.SILENCE, None, (IdleTimeout,)),
)
"""The whole behaviour."""


class Next(NamedTuple):
    """What a transition leads to, both states resolved."""

    user: User
    agent: Agent
    decisions: tuple[type[Decision], ...]


Row: TypeAlias = dict[Event, Next]


def rows(*, interrupts: bool) -> dict[tuple[User, Agent], Row]:
    """Expand the table for one setting of ``interrupt_response``.

    Raises:
        ValueError: if two transitions apply to the same states and event.
    """
    expanded: dict[tuple[User, Agent], Row] = {(user, agent): {} for user in User for agent in Agent}
    for transition in TABLE:
        if transition.interrupts not in {None, interrupts}:
            continue
        for user in transition.users:
            for agent in transition.agents:
                row = expanded[user, agent]
                if transition.event in row:
                    raise ValueError(f"two transitions for {user}, {agent}, {transition.event}")
                row[transition.event] = Next(transition.user or user, transition.agent or agent, transition.decisions)
    return expanded


ROWS: Final = {interrupts: rows(interrupts=interrupts) for interrupts in (False, True)}
"""By ``interrupt_response``: the rows for each pair of states."""


def diagram() -> str:
    """Write the user's states as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", "    direction TB", f"    [*] --> {User.SILENCE.name}"]
    lines += [f"    {user.name}: {user.value}" for user in User]
    for transition in TABLE:
        target = transition.user
        if target is not None:
            lines += [f"    {user.name} --> {target.name}: {_label(transition)}" for user in transition.users]
    return "\n".join(lines)


def listing() -> str:
    """Write the table in Markdown, in its own order."""
    lines = ["| user | agent | event | user becomes | agent becomes | decisions |", "|---|---|---|---|---|---|"]
    for transition in TABLE:
        cells = (
            "any" if transition.users == tuple(User) else ", ".join(transition.users),
            "any" if transition.agents == _ANY else ", ".join(transition.agents),
            _event(transition),
            transition.user or "",
            transition.agent or "",
            _names(transition),
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _event(transition: Transition) -> str:
    condition = {None: "", True: " (interrupt_response)", False: " (no interrupt_response)"}
    return transition.event + condition[transition.interrupts]


def _names(transition: Transition) -> str:
    return ", ".join(decision.__name__ for decision in transition.decisions)


def _label(transition: Transition) -> str:
    label = _event(transition)
    if transition.agents != _ANY:
        label += f", agent {' or '.join(transition.agents)}"
    return f"{label} / {_names(transition)}" if transition.decisions else label
