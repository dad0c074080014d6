"""Chaos: live sessions on a server whose providers fail at random moments, and what their callers notice of it.

The server is a process of its own, as it is in production, with a chain of two providers for each part; the providers
are wire servers here. In most turns one of them is struck once, at a random moment of its work for this turn. What is
then missing, doubled or late is found out from the audio that the caller gets, by no other way; see
`troupe.services.wire.syllables`. Some turns are left alone: they say what is usual.
"""

import math
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random
from typing import IO, Final, TypeAlias

from anyio import Event, create_task_group, current_time, fail_after, sleep, to_thread
from anyio.abc import TaskGroup

from ..choice import choose
from ..config import read_config
from ..gateway.app import Gateway
from ..gateway.listening import listening_socket
from ..gateway.server import Server
from ..kinds.kind import PARTS, Part
from ..voice import voice_system
from ..wire.faults import Cut, End, Pace, Reset, Stall, Strike
from ..wire.syllables import PILOTS
from .chaos_caller import LATE, Caller, Turn
from .chaos_providers import EARS, FIRST, Ear, Provider, Providers, Voices, answer_to, words_of
from .statistics import percentile

Serve: TypeAlias = Callable[[Providers], AbstractAsyncContextManager[str]]

STRIKES: Final[dict[str, Strike]] = {
    "reset": Reset(0),
    "cut": Cut(0),
    "lie": End(0),
    "stall": Stall(0),
    "slow": Pace(1.0, 1.0),
}
"""What befalls a provider: its connection is reset, or closed in the middle; it says that all is well, and has said
nothing, or not all; it falls silent; it takes a second for each further piece."""
KILL: Final = "kill"
"""All its connections are reset, and new ones refused, for `DOWN` seconds: everybody who uses it is struck."""
DOWN: Final = 1.0
LIVES: Final[dict[Part, float]] = {"stt": 2.2, "llm": 0.5, "tts": 2.2}
"""Seconds that a part works for a turn: within these it is struck."""
LEFT_ALONE: Final = 0.2
"""Share of the turns in which nothing goes wrong."""
GRACE: Final = 0.03
"""Seconds of silence that nobody notices: a frame, and a scheduler's."""
_POLL: Final = 0.02
_READY: Final = 60.0


@dataclass
class Moment:
    """Something that goes wrong, and what became of the turn in which it did."""

    part: Part
    kind: str
    provider: str
    at: float
    """Seconds since the run began."""
    speaker: int
    turn: int
    status: str = ""
    """How the response ended: ``completed``, or why not."""
    gap: float = 0.0
    """Seconds of silence beyond what is usual: before the answer, and in it."""
    lost: list[str] = field(default_factory=list[str])
    """Words that were said, or answered, and did not get through."""
    repeated: list[str] = field(default_factory=list[str])
    """Words that were understood, or heard to their end, twice."""
    stumbles: int = 0
    """Words that broke off and were said again."""
    others: list[str] = field(default_factory=list[str])
    """Words that nobody said."""

    @property
    def excess(self) -> float:
        """The gap beyond the time that the other provider takes to its first item, which nobody can spare."""
        return max(0.0, self.gap - FIRST[self.part])

    @property
    def whole(self) -> bool:
        """Whether the turn was answered, with every word once."""
        return self.status == "completed" and not (self.lost or self.repeated or self.others)


@dataclass
class Outcome:
    """What a run has brought."""

    moments: list[Moment] = field(default_factory=list[Moment])
    usual: list[Moment] = field(default_factory=list[Moment])
    """Turns in which nothing went wrong, as if something had."""
    spoiled: int = 0
    """Turns that prove nothing, as the caller was late itself."""
    sessions: int = 0
    lost: Counter[str] = field(default_factory=Counter[str])
    """Sessions that ended, and how."""
    seconds: float = 0.0


class Chaos:
    """A run.

    Args:
        moments: How many.
        sessions: At the same time.
        seed: Decides what is said, and what goes wrong when.
        kinds: Of what goes wrong.
        voices: Which synthesizers there are.
        ears: Which recognisers.
        tell: Called with the number of moments so far.

    Raises:
        ValueError: There can't be so many sessions.
    """

    def __init__(
        self,
        moments: int,
        sessions: int,
        seed: int,
        kinds: tuple[str, ...],
        voices: Voices = "timed",
        ears: tuple[Ear, Ear] = EARS,
        *,
        tell: Callable[[int], None] = lambda _: None,
    ) -> None:
        if not 0 < sessions <= PILOTS:
            raise ValueError(f"sessions: from 1 to {PILOTS}, which is how many callers can be told apart")
        if moments < 1:
            raise ValueError("moments: at least 1; of nothing that goes wrong there is nothing to tell")
        self.outcome = Outcome(sessions=sessions)
        self._wanted = moments
        self._tell = tell
        self._dice = Random(seed)
        self._seed = seed
        self._strikes = tuple(kind for kind in kinds if kind in STRIKES)
        self._kills = KILL in kinds
        self._providers = Providers(voices, ears)
        self._struck: dict[tuple[int, int], Moment | None] = {}
        """By caller and turn; None for those that are left alone."""
        self._callers: list[Caller] = []
        self._down: Part | None = None  # of which a provider is killed right now
        self._back: dict[Part, float] = {}  # when a provider of it has come back last
        self._began = 0.0
        self._tasks: TaskGroup

    @property
    def done(self) -> int:
        """Moments so far."""
        return sum(moment is not None for moment in self._struck.values())

    async def run(self, serve: Serve) -> Outcome:
        """Have it all happen, on asyncio.

        Args:
            serve: Runs a server with these providers, and gives its address: `in_a_process` or `in_this_loop`, or
                that of a peer (`chaos_peers`).
        """
        async with self._providers.serving(), serve(self._providers) as url:
            speakers = range(self.outcome.sessions)
            self._callers = [Caller(url, speaker, self._seed, self._begins) for speaker in speakers]
            self._began = current_time()
            async with create_task_group() as self._tasks:
                if self._kills:
                    self._tasks.start_soon(self._kill)
                async with create_task_group() as talking:
                    for caller in self._callers:
                        talking.start_soon(caller.run, self._more)
                self._tasks.cancel_scope.cancel()
            self.outcome.seconds = current_time() - self._began
        self._judge()
        return self.outcome

    def _more(self) -> bool:
        return self.done < self._wanted

    # -- what goes wrong -------------------------------------------------------------------------------------------

    def _begins(self, caller: Caller, turn: Turn) -> None:
        if not self._strikes or self._dice.random() < LEFT_ALONE:
            self._struck.setdefault((caller.speaker, turn.number), None)
            return
        part = self._dice.choice(PARTS)
        kind = self._dice.choice(self._strikes)
        self._tasks.start_soon(self._strike, caller, turn, part, kind, self._dice.uniform(0, LIVES[part]))

    async def _strike(self, caller: Caller, turn: Turn, part: Part, kind: str, after: float) -> None:
        """Wait until a part works for a turn, and for so long after that; then let something befall it."""
        said = " ".join(turn.said)
        while self._providers.under_way(part, caller.speaker, said) is None:
            if turn.done.is_set():
                return
            await sleep(_POLL)
        await sleep(after)
        found = self._providers.under_way(part, caller.speaker, said)
        if found is None or (caller.speaker, turn.number) in self._struck or part == self._down:
            return
        if turn.began < self._back.get(part, -math.inf):  # it may have met the other one while that was down
            return  # never both of a part in one turn
        provider, exchange = found
        exchange.strike(STRIKES[kind])
        self._note(provider, kind, caller, turn)

    def _note(self, provider: Provider, kind: str, caller: Caller, turn: Turn) -> None:
        at = current_time() - self._began
        moment = Moment(provider.part, kind, provider.name, at, caller.speaker, turn.number)
        self._struck[caller.speaker, turn.number] = moment
        self._tell(self.done)

    async def _kill(self) -> None:
        """Kill one provider after the other, and have it come back."""
        while True:
            await sleep(self._dice.uniform(1.0, 3.0))
            provider = self._dice.choice(self._providers.all)
            if provider.part in self._parts_struck():
                continue
            self._down = provider.part
            for caller in self._callers:
                turn = caller.turn
                if turn is None or turn.done.is_set() or self._struck.get((caller.speaker, turn.number)) is not None:
                    continue  # what has befallen it before is what it is judged by
                found = self._providers.under_way(provider.part, caller.speaker, " ".join(turn.said))
                if found is not None and found[0] is provider:
                    self._note(provider, KILL, caller, turn)
            await provider.server.kill()
            await sleep(DOWN)
            await provider.server.revive()
            self._down, self._back[provider.part] = None, current_time()

    def _parts_struck(self) -> set[Part]:
        """Return the parts that somebody's present turn has lost a provider of."""
        turns = [(caller.speaker, caller.turn.number) for caller in self._callers if caller.turn is not None]
        moments = [self._struck.get(turn) for turn in turns]
        return {moment.part for moment in moments if moment is not None}

    # -- what became of it -----------------------------------------------------------------------------------------

    def _judge(self) -> None:
        outcome = self.outcome
        waits: list[float] = []
        for caller in self._callers:
            if caller.lost:
                outcome.lost[caller.lost] += 1
            quiet = [turn for turn in caller.turns if self._struck.get((caller.speaker, turn.number)) is None]
            waits += [turn.wait for turn in quiet if turn.wait is not None]
        if not waits:  # a short run in which every turn was struck: the shortest wait is as near as one gets
            waits = sorted(turn.wait for caller in self._callers for turn in caller.turns if turn.wait is not None)[:1]
        usual = percentile(waits, 0.5) if waits else 0.0
        for caller in self._callers:
            for turn in caller.turns:
                moment = self._struck.get((caller.speaker, turn.number))
                if turn.late > LATE:
                    self.outcome.spoiled += 1
                    continue
                if moment is None:
                    at = turn.began - self._began
                    outcome.usual.append(judged(Moment("llm", "", "", at, caller.speaker, turn.number), turn, usual))
                else:
                    outcome.moments.append(judged(moment, turn, usual))
        outcome.moments.sort(key=lambda moment: moment.at)


def judged(moment: Moment, turn: Turn, usual: float) -> Moment:
    """Return a moment with what became of its turn.

    Args:
        moment: Where it happened.
        turn: As the caller has it.
        usual: Seconds that callers wait for an answer when nothing goes wrong.
    """
    understood = (turn.understood or "").lower().replace(".", "").split()
    answer = words_of(answer_to(" ".join(understood or turn.said)))  # what is misunderstood does not count twice
    words = turn.heard()
    whole = [each.text for each in words if each.whole]
    moment.status = turn.status or "no answer"
    moment.lost = _missing(turn.said, understood) + _missing(answer, whole)
    moment.repeated = _missing(understood, turn.said, twice=True) + _missing(whole, answer, twice=True)
    moment.others = [each for each in understood if each not in turn.said] + [
        each for each in whole if each not in answer
    ]
    moment.stumbles = sum(not each.whole for each in words)
    before = max(0.0, (turn.wait or 0.0) - usual)
    moment.gap = sum(silence for silence in (before, turn.silent) if silence > GRACE)
    return moment


def _missing(words: list[str], others: list[str], *, twice: bool = False) -> list[str]:
    """Return the words of which there are fewer among others; with `twice`, only such as are there at all."""
    left = Counter(words) - Counter(others)
    return [each for each in left.elements() if not twice or each in others]


@asynccontextmanager
async def in_this_loop(providers: Providers, *, record: Path | None = None) -> AsyncGenerator[str]:
    """Run a server in this event loop, whatever its clock: on a virtual one an hour takes a minute.

    Args:
        providers: That it uses.
        record: Where it records its sessions; None for nowhere.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = await to_thread.run_sync(_written, folder, providers.configuration())
        config, _ = await to_thread.run_sync(read_config, path)
    system = partial(voice_system, choose(config, {}), record=record)
    gateway = Gateway(config.server, config.voice.model, system)
    served, listener, ready = Server(gateway), listening_socket("127.0.0.1", 0), Event()
    async with create_task_group() as tasks:
        tasks.start_soon(served.run, [listener], ready.set)
        await ready.wait()
        yield f"ws://127.0.0.1:{listener.getsockname()[1]}"
        served.end(patience=0)


@asynccontextmanager
async def in_a_process(providers: Providers, *, record: Path | None = None) -> AsyncGenerator[str]:
    """Run `troupe serve` in a process of its own.

    Raises:
        RuntimeError: It does not start.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = await to_thread.run_sync(_written, folder, providers.configuration())
        command = [sys.executable, "-m", "troupe.services.cli", "serve", "--config", str(path), "--port", "0"]
        process = await to_thread.run_sync(_start, command + (["--record", str(record)] if record else []))
        assert process.stderr is not None
        said: list[str] = []
        try:
            with fail_after(_READY):
                while not (found := re.search(r"connect to (ws://[^/]+)/", "".join(said))):
                    line = await to_thread.run_sync(process.stderr.readline)
                    if not line:
                        raise RuntimeError("".join(said))
                    said.append(line)
            async with create_task_group() as tasks:
                tasks.start_soon(_drain, process.stderr)
                yield found[1]
                process.terminate()
        finally:
            process.terminate()
            await to_thread.run_sync(process.wait)


def _written(folder: str, configuration: str) -> Path:
    path = Path(folder, "troupe.toml")
    path.write_text(configuration)
    return path


def _start(command: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603  (this interpreter, our module)


async def _drain(stream: IO[str]) -> None:
    await to_thread.run_sync(stream.read)
