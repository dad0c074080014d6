"""Actors: the four ways to talk, lifespans, own tasks, concurrency, the control lane, deadlines, cancellation."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from anyio import (
    CancelScope,
    Event,
    create_task_group,
    current_time,
    fail_after,
    move_on_after,
    sleep,
    sleep_forever,
    wait_all_tasks_blocked,
)
from troupe.runtime import (
    NO_BACKOFF,
    Actor,
    Context,
    Duplex,
    DuplexRequest,
    Message,
    Overflow,
    Request,
    Sender,
    StreamRequest,
    child,
    events,
    open_system,
)
from troupe.runtime.errors import (
    ActorDied,
    AskCycle,
    ChannelBroken,
    ChannelFull,
    DeadlineExceeded,
    EndOfChannel,
    InvalidActor,
    StartFailed,
    Unhandled,
    WouldBlock,
)
from troupe.runtime.exits import Crashed, Normal, Shutdown


class Add(Message, frozen=True):
    amount: int


class Total(Request[int], frozen=True): ...


class Fail(Request[int], frozen=True):
    text: str = ""


class Hang(Request[int], frozen=True): ...


class Numbers(StreamRequest[int], frozen=True):
    count: int
    then_fail: bool = False


class Echo(DuplexRequest[str, str], frozen=True): ...


class Crash(Message, frozen=True): ...


class Interrupt(Request[str], frozen=True):
    control: ClassVar[bool] = True


class Fatal(Exception): ...


class Log:
    """What happened in an actor, from outside."""

    def __init__(self) -> None:
        self.lines: list[str] = []


class Counter(Actor):
    fatal = (Fatal,)

    def __init__(self, log: Log | None = None) -> None:
        self.total = 0
        self.log = log or Log()

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        self.log.lines.append("open")
        try:
            yield
        finally:
            self.log.lines.append("closed")

    def add(self, message: Add) -> None:
        self.total += message.amount

    async def report(self, request: Total) -> int:
        return self.total

    def fail(self, request: Fail) -> int:
        if request.text == "fatal":
            raise Fatal
        raise KeyError(request.text)

    async def hang(self, request: Hang) -> int:
        try:
            await sleep_forever()
        finally:
            self.log.lines.append("handler gone")
        return 0

    async def count(self, request: Numbers, replies: Sender[int]) -> None:
        for number in range(request.count):
            await replies.send(number)
        if request.then_fail:
            raise KeyError("half way")

    async def echo(self, request: Echo, caller: Duplex[str, str]) -> None:
        async for text in caller:
            await caller.send(text.upper())
        await caller.send("bye")

    def crash(self, message: Crash) -> None:
        raise ValueError("on purpose")

    async def interrupt(self, request: Interrupt) -> str:
        return "interrupted"


async def test_tell_and_ask() -> None:
    async with open_system(child(Counter, name="counter")) as system:
        ref = system.ref("counter")
        await ref.tell(Add(2))
        ref.tell_nowait(Add(3))
        assert await ref.ask(Total()) == 5


async def test_the_error_of_an_ask_goes_to_its_caller_and_the_actor_lives() -> None:
    async with open_system(child(Counter, name="counter")) as system:
        ref = system.ref("counter")
        await ref.tell(Add(1))
        with pytest.raises(KeyError, match="no"):
            await ref.ask(Fail("no"))
        assert await ref.ask(Total()) == 1
        assert ref.statistics().failed == 1


async def test_a_fatal_error_crashes_the_actor_and_its_caller_hears_of_the_death() -> None:
    async with open_system(child(Counter, name="counter", backoff=NO_BACKOFF)) as system:
        ref = system.ref("counter")
        await ref.tell(Add(1))
        with pytest.raises(ActorDied) as caught:
            await ref.ask(Fail("fatal"))
        assert isinstance(caught.value.exit, Crashed)
        assert await ref.ask(Total()) == 0  # a new life, a new object


async def test_an_actor_says_what_it_can_not_handle() -> None:
    class Unknown(Message, frozen=True): ...

    class Question(Request[int], frozen=True): ...

    async with open_system(child(Counter, name="counter")) as system:
        ref = system.ref("counter")
        for attempt in (ref.tell(Unknown()), ref.ask(Question())):
            with pytest.raises(Unhandled, match="handles Add, Crash, Echo"):
                await attempt
        with pytest.raises(Unhandled):
            ref.tell_nowait(Unknown())


async def test_a_stream_gives_items_and_then_ends() -> None:
    async with open_system(child(Counter, name="counter")) as system:
        async with system.ref("counter").stream(Numbers(200)) as numbers:
            assert [number async for number in numbers] == list(range(200))
        async with system.ref("counter").stream(Numbers(1)) as numbers:
            assert await numbers.receive() == 0
            with pytest.raises(EndOfChannel):
                await numbers.receive()


async def test_a_stream_gives_its_error_after_what_came_before() -> None:
    async with open_system(child(Counter, name="counter")) as system:
        async with system.ref("counter").stream(Numbers(3, then_fail=True)) as numbers:
            assert [await numbers.receive() for _ in range(3)] == [0, 1, 2]
            with pytest.raises(KeyError, match="half way"):
                await numbers.receive()


async def test_a_stream_that_nobody_reads_holds_its_handler_back() -> None:
    async with open_system(child(Counter, name="counter")) as system:
        async with system.ref("counter").stream(Numbers(1000), buffer=4) as numbers:
            await wait_all_tasks_blocked()
            assert await numbers.receive() == 0
        assert await system.ref("counter").ask(Total()) == 0  # and leaving it early frees the actor


async def test_a_conversation_goes_both_ways_and_half_closes() -> None:
    async with open_system(child(Counter, name="counter")) as system:
        async with system.ref("counter").open(Echo()) as echo:
            await echo.send("one")
            assert await echo.receive() == "ONE"
            echo.send_nowait("two")
            echo.finish()
            assert [text async for text in echo] == ["TWO", "bye"]
            with pytest.raises(ChannelBroken):
                await echo.send("three")


async def test_cancelling_an_ask_cancels_its_handler() -> None:
    log = Log()
    async with open_system(child(Counter, log, name="counter")) as system:
        ref = system.ref("counter")
        with move_on_after(0.01):
            await ref.ask(Hang())
        await wait_all_tasks_blocked()
        assert log.lines == ["open", "handler gone"]
        assert await ref.ask(Total()) == 0


@pytest.mark.virtual
async def test_a_deadline_cancels_the_handler_and_names_the_request() -> None:
    log = Log()
    async with open_system(child(Counter, log, name="counter")) as system:
        start = current_time()
        with pytest.raises(DeadlineExceeded, match=r"'counter' did not answer Hang within 2 s"):
            await system.ref("counter").ask(Hang(), timeout=2)
        assert current_time() - start == pytest.approx(2)
        await wait_all_tasks_blocked()
        assert log.lines[-1] == "handler gone"


@pytest.mark.virtual
async def test_an_ask_waits_five_seconds_by_default() -> None:
    async with open_system(child(Counter, name="counter")) as system:
        start = current_time()
        with pytest.raises(DeadlineExceeded):
            await system.ref("counter").ask(Hang())
        assert current_time() - start == pytest.approx(5)


@pytest.mark.virtual
async def test_a_call_that_is_still_queued_when_its_time_is_up_is_never_handled() -> None:
    async with open_system(child(Counter, name="counter")) as system:
        ref = system.ref("counter")
        async with create_task_group() as tasks:

            async def hang() -> None:
                with move_on_after(3):
                    await ref.ask(Hang(), timeout=100)

            tasks.start_soon(hang)
            await wait_all_tasks_blocked()
            with pytest.raises(DeadlineExceeded):
                await ref.ask(Fail("never handled"), timeout=1)
        assert await ref.ask(Total()) == 0
        assert ref.statistics().failed == 0


@pytest.mark.virtual
async def test_a_stream_that_stalls_raises_after_its_time_between_items() -> None:
    class Stalling(Actor):
        async def count(self, request: Numbers, replies: Sender[int]) -> None:
            await replies.send(1)
            await sleep_forever()

    async with open_system(child(Stalling, name="stalling")) as system:
        async with system.ref("stalling").stream(Numbers(2), timeout=3) as numbers:
            assert await numbers.receive() == 1
            start = current_time()
            with pytest.raises(DeadlineExceeded):
                await numbers.receive()
            assert current_time() - start == pytest.approx(3)


@pytest.mark.virtual
async def test_a_stream_ends_when_its_total_time_is_up() -> None:
    class Ticking(Actor):
        async def count(self, request: Numbers, replies: Sender[int]) -> None:
            for number in range(100):
                await replies.send(number)
                await sleep(1)

    async with open_system(child(Ticking, name="ticking")) as system:
        async with system.ref("ticking").stream(Numbers(2), total=3.5) as numbers:
            assert [await numbers.receive() for _ in range(4)] == [0, 1, 2, 3]
            with pytest.raises(DeadlineExceeded):
                await numbers.receive()


async def test_callers_in_flight_hear_of_a_crash_at_once_and_queued_ones_are_served_by_the_next_life() -> None:
    class Two(Counter):
        max_concurrency = 2

    async with open_system(child(Two, name="counter", backoff=NO_BACKOFF)) as system:
        ref = system.ref("counter")
        heard: list[str] = []

        async def hang() -> None:
            with pytest.raises(ActorDied):
                await ref.ask(Hang())
            heard.append("died")

        async def queued() -> None:
            assert await ref.ask(Total()) == 0
            heard.append("served")

        async with create_task_group() as tasks:
            tasks.start_soon(hang)
            await wait_all_tasks_blocked()
            await ref.tell(Crash())
            tasks.start_soon(queued)
        assert sorted(heard) == ["died", "served"]
        assert ref.statistics().mailbox.depth == 0  # what crashed it is not delivered again


async def test_the_control_lane_is_served_while_the_actor_is_busy_and_its_mailbox_full() -> None:
    async with open_system(child(Counter, name="counter", capacity=1, shutdown=0.01)) as system:
        ref = system.ref("counter")
        async with create_task_group() as tasks:

            async def hang() -> None:
                with pytest.raises(ActorDied):
                    await ref.ask(Hang())

            tasks.start_soon(hang)
            await wait_all_tasks_blocked()
            await ref.tell(Add(1))
            with pytest.raises(WouldBlock):
                ref.tell_nowait(Add(1))
            assert await ref.ask(Interrupt()) == "interrupted"
            await system.root.stop_child("counter")


@pytest.mark.virtual
async def test_telling_a_full_mailbox_gives_up_at_its_deadline_and_reports_overload() -> None:
    seen: list[events.Event] = []
    async with open_system(child(Counter, name="counter", capacity=1), on_event=seen.append) as system:
        ref = system.ref("counter")
        async with ref.stream(Numbers(1000), buffer=1):
            await wait_all_tasks_blocked()
            await ref.tell(Add(1))
            with pytest.raises(DeadlineExceeded):
                await ref.tell(Add(1), timeout=1)
    assert [event.path for event in seen if isinstance(event, events.Overloaded)] == ["counter"]


async def test_a_mailbox_that_rejects_says_so() -> None:
    async with open_system(child(Counter, name="counter", capacity=1, overflow=Overflow.REJECT)) as system:
        ref = system.ref("counter")
        async with ref.stream(Numbers(1000), buffer=1):
            await wait_all_tasks_blocked()
            await ref.tell(Add(1))
            with pytest.raises(ChannelFull):
                await ref.tell(Add(1))
            with pytest.raises(ChannelFull):
                await ref.ask(Total())


@pytest.mark.parametrize("most", [1, 3, 20])
async def test_no_more_messages_are_worked_on_than_max_concurrency_allows(most: int) -> None:
    running, peak = 0, 0
    release = Event()

    class Gate(Actor):
        async def hang(self, request: Hang) -> int:
            nonlocal running, peak
            running += 1
            peak = max(peak, running)
            await release.wait()
            running -= 1
            return 0

    async with open_system(child(Gate, name="gate", max_concurrency=most)) as system:
        async with create_task_group() as tasks:
            for _ in range(30):
                tasks.start_soon(system.ref("gate").ask, Hang())
            await wait_all_tasks_blocked()
            assert running == most
            assert system.ref("gate").statistics().in_flight == most
            release.set()
        assert peak == most


async def test_an_error_in_a_task_of_its_own_crashes_the_actor() -> None:
    class Tasked(Actor):
        def add(self, message: Add) -> None:
            self.context.start_soon(self.later)

        async def later(self) -> None:
            raise ValueError("in a task")

        async def report(self, request: Total) -> int:
            return 1

    seen: list[events.Event] = []
    async with open_system(child(Tasked, name="tasked", backoff=NO_BACKOFF), on_event=seen.append) as system:
        await system.ref("tasked").tell(Add(1))
        await wait_all_tasks_blocked()
        assert await system.ref("tasked").ask(Total()) == 1
    assert [event.error for event in seen if isinstance(event, events.Crashed)] == ["builtins.ValueError"]


async def test_tasks_of_its_own_end_with_the_actor() -> None:
    log = Log()

    class Tasked(Actor):
        def add(self, message: Add) -> None:
            self.context.start_soon(self.later)

        async def later(self) -> None:
            try:
                await sleep_forever()
            finally:
                log.lines.append("task gone")

    async with open_system(child(Tasked, name="tasked")) as system:
        await system.ref("tasked").tell(Add(1))
        await wait_all_tasks_blocked()
    assert log.lines == ["task gone"]


async def test_an_actor_may_end_itself() -> None:
    class Leaving(Actor):
        def add(self, message: Add) -> None:
            self.context.stop()

    from troupe.runtime import Restart

    async with open_system(child(Leaving, name="leaving", restart=Restart.TEMPORARY)) as system:
        ref = system.ref("leaving")
        await ref.tell(Add(1))
        assert await ref.wait_ended() == Normal()
        assert ref.ended
        with pytest.raises(ActorDied, match="normal"):
            await ref.tell(Add(1))


async def test_leaving_the_block_works_off_the_mailbox_and_then_closes() -> None:
    log = Log()

    class Slow(Counter):
        async def report(self, request: Total) -> int:
            await sleep(0.001)
            self.log.lines.append("handled")
            return 1

    async with create_task_group() as tasks:
        async with open_system(child(Slow, log, name="slow")) as system:
            ref = system.ref("slow")
            for _ in range(3):
                tasks.start_soon(ref.ask, Total())
            await wait_all_tasks_blocked()
    assert log.lines == ["open", "handled", "handled", "handled", "closed"]
    assert await ref.wait_ended() == Shutdown()


async def test_the_context_is_not_there_too_early() -> None:
    class Early(Actor):
        def __init__(self) -> None:
            self.context: Context  # type: ignore[misc]
            _ = Actor.context.fget(self)  # type: ignore[attr-defined]

    with pytest.raises(StartFailed) as caught:
        async with open_system(child(Early, name="early")):
            pass
    error: BaseException | None = caught.value
    while isinstance(error, StartFailed):
        error = error.__cause__
    assert isinstance(error, InvalidActor)
    assert "from lifespan() on" in str(error)


class Relay(Actor):
    """Asks somebody else, when it is asked."""

    def __init__(self, whom: str, what: type[Request[int]] = Total) -> None:
        self.whom, self.what = whom, what

    async def report(self, request: Total) -> int:
        return await self.context.system.ref(self.whom).ask(self.what())


async def test_an_ask_cycle_is_refused_with_its_names() -> None:
    async with open_system(
        child(Relay, "b", name="a"), child(Relay, "c", name="b"), child(Relay, "a", name="c")
    ) as system:
        with pytest.raises(AskCycle, match="c -> a -> b -> c"):
            await system.ref("a").ask(Total())


async def test_asking_oneself_is_a_cycle() -> None:
    async with open_system(child(Relay, "a", name="a")) as system:
        with pytest.raises(AskCycle, match="a -> a"):
            await system.ref("a").ask(Total())


async def test_two_calls_that_meet_half_way_are_a_cycle_too() -> None:
    """Not one chain of asks, but two that began independently of each other."""
    ready, go = [Event(), Event()], Event()

    class Waiting(Relay):
        async def report(self, request: Total) -> int:
            ready[self.whom == "a"].set()
            await go.wait()
            return await super().report(request)

    outcomes: list[str] = []
    async with open_system(child(Waiting, "b", name="a"), child(Waiting, "a", name="b")) as system:

        async def ask(name: str) -> None:
            try:
                await system.ref(name).ask(Total())
            except AskCycle as cycle:
                outcomes.append(f"{name}: {' '.join(cycle.cycle)}")

        async with create_task_group() as tasks:
            tasks.start_soon(ask, "a")
            tasks.start_soon(ask, "b")
            for event in ready:
                await event.wait()
            go.set()
    assert len(outcomes) == 2
    assert len({outcome.split(": ")[1] for outcome in outcomes}) == 1


async def test_actors_that_serve_several_calls_at_a_time_may_ask_each_other() -> None:
    class Both(Actor):
        max_concurrency = 2

        async def report(self, request: Total) -> int:
            return 1 + await self.context.system.ref("both").ask(Fail())

        async def end(self, request: Fail) -> int:
            return 1

    async with open_system(child(Both, name="both")) as system:
        with fail_after(1):
            assert await system.ref("both").ask(Total()) == 2


@pytest.mark.virtual
async def test_a_nested_ask_ends_with_the_deadline_of_the_ask_it_is_for() -> None:
    log = Log()
    async with open_system(child(Counter, log, name="b"), child(Relay, "b", Hang, name="a")) as system:
        start = current_time()
        with pytest.raises(DeadlineExceeded, match="'a'"):
            await system.ref("a").ask(Total(), timeout=1)
        assert current_time() - start == pytest.approx(1)
        await wait_all_tasks_blocked()
        assert log.lines[-1] == "handler gone"


async def test_an_error_that_comes_up_when_nobody_waits_any_more_is_reported() -> None:
    class Clumsy(Actor):
        async def hang(self, request: Hang) -> int:
            try:
                await sleep_forever()
            finally:
                raise ValueError("while being cancelled")

        async def report(self, request: Total) -> int:
            return 1

    seen: list[events.Event] = []
    async with open_system(child(Clumsy, name="clumsy"), on_event=seen.append) as system:
        with move_on_after(0.01):
            await system.ref("clumsy").ask(Hang())
        assert await system.ref("clumsy").ask(Total()) == 1
    assert [event.error for event in seen if isinstance(event, events.ErrorSuppressed)] == ["builtins.ValueError"]


@pytest.mark.parametrize("grouped", [False, True])
async def test_to_be_told_that_the_caller_has_left_is_no_error_worth_a_report(grouped: bool) -> None:
    """A handler may be told so before its cancellation reaches it; here it makes sure of that."""

    class Talkative(Actor):
        async def count(self, request: Numbers, replies: Sender[int]) -> None:
            with CancelScope(shield=True):
                while True:
                    await self.say(replies)

        async def say(self, replies: Sender[int]) -> None:
            if not grouped:
                await replies.send(1)
                return
            async with create_task_group() as tasks:
                tasks.start_soon(replies.send, 1)

        async def report(self, request: Total) -> int:
            return 1

    seen: list[events.Event] = []
    async with open_system(child(Talkative, name="talkative"), on_event=seen.append) as system:
        async with system.ref("talkative").stream(Numbers(3), buffer=1) as numbers:
            assert await numbers.receive() == 1
        assert await system.ref("talkative").ask(Total()) == 1
    assert not [event for event in seen if isinstance(event, events.ErrorSuppressed)]


async def test_a_caller_cancelled_between_send_and_reply_leaves_nothing_behind() -> None:
    async with open_system(child(Counter, name="counter")) as system:
        ref = system.ref("counter")
        for _ in range(50):
            async with create_task_group() as tasks:
                tasks.start_soon(ref.ask, Total())
                tasks.start_soon(ref.ask, Hang())
                await wait_all_tasks_blocked()
                tasks.cancel_scope.cancel()
        assert await ref.ask(Total()) == 0
        statistics = ref.statistics()
        assert (statistics.in_flight, statistics.mailbox.depth) == (0, 0)
