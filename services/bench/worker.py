"""The process that a load comes from; `troupe.services.bench.load` starts it, as ``-m troupe.services.bench.worker``.

It gets its `Job` as the first line of standard input, and tells how it goes in lines of JSON. A line ``go`` begins the
load, a line ``end``, or the end of the input, ends it early.
"""

import asyncio
import gc
import random
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from .client import Address, Client, Refused, clock
from .echo import Echo
from .events import Setup
from .measures import FLOWS, Seen
from .observer import Observer
from .pacing import Pace
from .peers.stranger import Stranger
from .peers.wires import WIRES, WireName
from .results import Distribution, Turn
from .script import Beat, Plan, Sounds, script
from .speech import LONGEST, load
from .statistics import percentile

Workload = Literal["turns", "duplex", "idle", "echo"]

AT_A_TIME: Final = 8
"""Sessions that are being opened at a time."""
PATIENCE: Final = 30.0
"""Seconds that opening one may take."""
PROBE_EVERY: Final = 50
"""Frames between two probes of a session."""
_LEAVING: Final = 0.5
"""Seconds that servers have to close connections."""
_RECENT: Final = 5000
"""Frames whose lateness is shown while it runs."""


class Job(Struct, kw_only=True):
    """What one process is to do."""

    address: Address
    workload: Workload
    wire: WireName = "realtime"
    sessions: int
    first: int
    """The number of its first session."""
    share: float
    """Of the distance between two frames, for which it is behind the other processes."""
    seconds: float
    warm_up: float
    setup: Setup
    plan: Plan
    probes: bool
    sounds: str
    """A file of utterances."""
    seed: int


class Opened(Struct, tag=True):
    """So many sessions are open."""

    sessions: int


class Failed(Struct, tag=True):
    """Not one session could be opened."""

    why: str


class Ready(Struct, tag=True):
    """All that could be opened are."""


class Measuring(Struct, tag=True):
    """The measurement has begun."""


class Measured(Struct, tag=True):
    """It has ended, but for turns that are still to be answered."""


class Progress(Struct, tag=True):
    """How it goes."""

    turns: int
    errors: int
    disconnects: int
    late: float
    """p99, in seconds."""
    first_audio: float | None
    """p95, in seconds."""
    probe: float | None
    """p99, in seconds."""


class Finished(Struct, tag=True):
    """All that was seen."""

    distributions: dict[str, Distribution]
    counts: dict[str, int]
    errors: dict[str, int]
    turns: list[Turn]
    seconds: float
    """Of the measurement; less than asked for if it was ended early."""


Told = Opened | Failed | Ready | Measuring | Measured | Progress | Finished


class Load:
    """The sessions of this process."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._seen = Seen()
        self._clients: list[Client] = []
        self._scripts: list[Iterator[Beat]] = []
        self._sent: list[int] = []
        self._talking = True
        self.ended = asyncio.Event()

    async def open(self) -> None:
        """Open the sessions.

        Raises:
            Refused: Not one could be opened.
        """
        job, refusals = self._job, list[str]()
        for start in range(0, job.sessions, AT_A_TIME):
            batch = range(start, min(job.sessions, start + AT_A_TIME))
            for client in await asyncio.gather(*(self._connect(job.first + number) for number in batch)):
                if isinstance(client, Client):
                    self._clients.append(client)
                else:
                    refusals.append(client)
            tell(Opened(len(self._clients)))
            if not self._clients or self.ended.is_set():
                break
        if not self._clients:
            raise Refused(refusals[0])
        self._prepare()
        for why in refusals:
            self._seen.fail(f"not let in: {why}")
        self._refusals = refusals

    async def _connect(self, number: int) -> Client | str:
        job = self._job
        watcher = self._watcher(number)
        address = job.address
        try:
            async with asyncio.timeout(PATIENCE):
                _, client = await asyncio.get_running_loop().create_connection(
                    lambda: Client(address, watcher, self._seen), address.host, address.port, ssl=address.context()
                )
                await client.ready
        except TimeoutError:
            return f"no session within {PATIENCE:.0f} s"
        except Refused as refused:
            return str(refused)
        except OSError as error:
            return error.strerror or type(error).__name__
        return client

    def _watcher(self, number: int) -> Echo | Observer:
        job = self._job
        if job.workload == "echo":
            return Echo(number, self._seen)
        if job.wire == "realtime":
            return Observer(number, self._seen, job.setup)
        return Stranger(number, self._seen, job.setup, WIRES[job.wire])

    def _prepare(self) -> None:
        utterances = load(Path(self._job.sounds))
        if self._job.wire == "realtime":
            sounds = Sounds(utterances)
        else:
            wire = WIRES[self._job.wire]
            sounds = Sounds(utterances, wire.append, wire.rate_in)
        for number in range(len(self._clients)):
            chance = random.Random(self._job.seed + self._job.first + number)
            self._scripts.append(script(sounds, self._job.plan, chance, lambda: self._talking))
        self._sent = [0] * len(self._clients)

    async def run(self) -> None:
        """Talk, measure, and tell what was seen."""
        job, seen = self._job, self._seen
        gc.collect()
        gc.freeze()
        start = clock()
        pace = Pace(len(self._clients), start, job.share)
        await self._talk(pace, start + job.warm_up)
        begin = clock()
        seen.begin(begin)
        for why in self._refusals:
            seen.fail(f"not let in: {why}")
        tell(Measuring())
        second = begin
        while not self.ended.is_set() and second < begin + job.seconds:
            second = min(second + 1, begin + job.seconds)
            await self._talk(pace, second)
            tell(self._progress())
        seconds = clock() - begin
        tell(Measured())
        flows = {name: seen.counts[name] for name in FLOWS}
        self._talking = False
        if job.workload == "turns":
            await self._listen(pace)
        now = clock()
        for watcher in (client.watcher for client in self._clients):
            if isinstance(watcher, Observer):
                if self.ended.is_set() and watcher.waits(now, job.plan.pause):
                    continue  # its answer could still have come
                watcher.close_turn(now)
        tell(Finished(seen.distributions(), {**seen.counts, **flows}, dict(seen.errors), seen.turns, seconds))
        for client in self._clients:
            client.leave()
        await asyncio.sleep(_LEAVING)

    async def _listen(self, pace: Pace) -> None:
        """Wait for the answers to what has been said: who left now would see only the fast ones."""
        last = clock() + LONGEST + self._job.plan.pause
        while (now := clock()) < last and not self.ended.is_set():
            watchers = (client.watcher for client in self._clients if client.is_open)
            if not any(isinstance(each, Observer) and each.waits(now, self._job.plan.pause) for each in watchers):
                return
            await self._talk(pace, now + 0.1)

    async def _talk(self, pace: Pace, until: float) -> None:
        """Send what is due, until a moment."""
        if self._job.workload == "idle":
            with suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), max(0.0, until - clock()))
            return
        late = self._seen.lateness
        while (now := clock()) < until and not self.ended.is_set():
            for number, at in pace.due(now):
                moment = clock()
                late.append(moment - at)
                self._send(number, moment)
            await asyncio.sleep(pace.wait(clock()))

    def _send(self, number: int, now: float) -> None:
        client = self._clients[number]
        if not client.is_open:
            return
        frames, mark = next(self._scripts[number])
        self._sent[number] += 1
        self._seen.counts["frames"] += 1
        watcher = client.watcher
        if self._job.probes and self._sent[number] % PROBE_EVERY == 0:
            frames += watcher.probe(now)
        watcher.sends(mark, now)
        client.send(frames)

    def _progress(self) -> Progress:
        seen = self._seen

        def at(name: str, share: float) -> float | None:
            values = seen.values(name)
            return percentile(values, share) if values else None

        counts = seen.counts
        return Progress(
            turns=counts["turns"],
            errors=counts["errors"],
            disconnects=counts["disconnects"],
            late=percentile(seen.lateness[-_RECENT:] or [0.0], 0.99),
            first_audio=at("first_audio", 0.95),
            probe=at("probe", 0.99),
        )


def tell(what: Told) -> None:
    """Write a line for whoever started this process."""
    sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
    sys.stdout.buffer.flush()


async def run(job: Job, lines: asyncio.StreamReader) -> None:
    """Do a job, as far as standard input lets it."""
    load = Load(job)
    try:
        await load.open()
    except Refused as refused:
        tell(Failed(str(refused)))
        return
    tell(Ready())
    if await lines.readline() != b"go\n":
        return

    async def wait_for_end() -> None:
        await lines.readline()
        load.ended.set()

    waiting = asyncio.create_task(wait_for_end())
    try:
        await load.run()
    finally:
        waiting.cancel()


async def main() -> None:
    """Read the job, and do it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started this process, who then ends it
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    reader = asyncio.StreamReader(limit=2**20)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await run(msgspec.json.decode(await reader.readline(), type=Job), reader)


if __name__ == "__main__":
    try:
        import uvloop
    except ImportError:  # no Windows
        asyncio.run(main())
    else:
        uvloop.run(main())
