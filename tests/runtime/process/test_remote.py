"""An actor behind a connection: it is reached, restarted and stopped as one in this process is."""

import math
import pathlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import lodgers
import pytest
from anyio import Path, create_task_group, move_on_after, sleep, wait_all_tasks_blocked
from lodgers import Do, DoTold, Echo, Fatal, Lodger, Move, Note, Notes, Numbers, Oops, Place, Shout, Urgent
from loopback import Loopback, Workerless
from msgspec import ValidationError
from troupe.runtime import NO_BACKOFF, Overflow, Ref, Request, Restart, Strategy, child, open_system
from troupe.runtime.errors import (
    ActorDied,
    ChannelFull,
    DeadlineExceeded,
    NotSendable,
    ProtocolError,
    RemoteError,
    StartFailed,
    WorkerLost,
)
from troupe.runtime.events import Cancelled, ErrorSuppressed, Event
from troupe.runtime.exits import SHUTDOWN, Crashed, Normal
from troupe.runtime.process import wire


def lodger(*arguments, **options):
    return child(Lodger, *arguments, name="lodger", backoff=NO_BACKOFF, **({"host": Loopback()} | options))


@asynccontextmanager
async def lodging(*arguments, events: list[Event] | None = None, **options) -> AsyncIterator[Ref]:
    log = [] if events is None else events
    async with open_system(lodger(*arguments, **options), intensity=100, on_event=log.append) as system:
        yield system.ref("lodger")


# -- what goes there and back ------------------------------------------------------------------------------------------


async def test_ask_and_tell() -> None:
    async with lodging() as ref:
        assert await ref.ask(Echo(b"\x00" * 1_000_000)) == b"\x00" * 1_000_000
        assert await ref.ask(Move(Place(1, 2))) == Place(1, 2)
        await ref.tell(Note("a"))
        ref.tell_nowait(Note("b"))
        assert await ref.ask(Notes()) == ["hello", "a", "b"]
        assert ref.statistics().handled == 5
        assert ref.statistics().in_flight == 0


async def test_stream() -> None:
    async with lodging() as ref, ref.stream(Numbers(1000)) as numbers:
        assert [number async for number in numbers] == list(range(1000))


async def test_conversation() -> None:
    async with lodging() as ref:
        async with ref.open(Shout()) as conversation:
            for _ in range(200):
                await conversation.send("a")
                assert await conversation.receive() == "A"
            conversation.finish()
            assert [word async for word in conversation] == []
        assert (await ref.ask(Notes()))[-1] == "conversation over"


async def test_conversation_with_everything_sent_before_anything_is_received() -> None:
    async with lodging() as ref, ref.open(Shout(), buffer=3) as conversation:

        async def send() -> None:
            for _ in range(500):
                await conversation.send("a")
            conversation.finish()

        async with create_task_group() as tasks:
            tasks.start_soon(send)
            assert [word async for word in conversation] == ["A"] * 500


async def test_many_calls_at_a_time() -> None:
    async with lodging(max_concurrency=8) as ref:
        async with create_task_group() as tasks:
            for _ in range(40):
                tasks.start_soon(ref.ask, Do("nap"))
        assert ref.statistics().handled == 40


async def test_control_lane_is_served_beside_a_busy_data_lane() -> None:
    async with lodging() as ref, create_task_group() as tasks:
        tasks.start_soon(ask_and_catch, ref, Do("wait"), 1.0)
        await sleep(0.01)
        assert await ref.ask(Urgent(), timeout=0.5) == "at once"
        tasks.cancel_scope.cancel()


async def ask_and_catch(ref: Ref, request: Request, timeout: float, caught: list[Exception] | None = None) -> None:
    try:
        await ref.ask(request, timeout=timeout)
    except Exception as error:
        if caught is not None:
            caught.append(error)


# -- errors ------------------------------------------------------------------------------------------------------------


async def test_an_error_comes_back_as_what_it_is_with_the_workers_traceback() -> None:
    async with lodging() as ref:
        with pytest.raises(Oops, match="code 7") as caught:
            await ref.ask(Do("fail"))
        assert caught.value.code == 7
        assert "lodgers.py" in caught.value.__notes__[0]
        with pytest.raises(KeyError, match="key"):
            await ref.ask(Do("fail with a key"))
        assert await ref.ask(Echo(b"")) == b""
        assert ref.statistics().failed == 2


async def test_an_error_that_is_no_data_comes_back_as_a_remote_error() -> None:
    async with lodging() as ref:
        with pytest.raises(RemoteError, match=r"^lodgers\.Untranslatable was raised in a worker process"):
            await ref.ask(Do("fail untranslatably"))


async def test_errors_end_streams_and_conversations_after_what_was_sent_before() -> None:
    async with lodging() as ref:
        received: list[int] = []
        with pytest.raises(Oops):
            async with ref.stream(Numbers(100, then="fail")) as numbers:
                async for number in numbers:
                    received.append(number)
        assert received == list(range(100))
        with pytest.raises(Oops):
            async with ref.open(Shout(error="b")) as conversation:
                await conversation.send("a")
                await conversation.send("b")
                assert await conversation.receive() == "A"
                await conversation.receive()
        assert await ref.ask(Echo(b"")) == b""


async def test_what_is_not_what_its_annotations_say_is_an_error_of_the_call() -> None:
    async with lodging() as ref:
        with pytest.raises(ValidationError, match="Expected `int`, got `str`"):
            await ref.ask(lodgers.Lie())
        with pytest.raises(ValidationError, match="Expected `bytes`, got `int`"):
            await ref.ask(Echo(5))  # type: ignore[arg-type]
        with pytest.raises(ValidationError):
            async with ref.open(Shout()) as conversation:
                await conversation.send(5)  # type: ignore[arg-type]
                await conversation.receive()
        assert await ref.ask(Echo(b"")) == b""


@pytest.mark.parametrize("buffer", [1, 64])
@pytest.mark.parametrize(("serious", "error"), [(True, ValidationError), (False, NotSendable)])
async def test_an_item_of_a_wrong_type_ends_the_stream_and_cancels_its_handler(
    serious: bool, error: type[Exception], buffer: int
) -> None:
    async with lodging() as ref:
        received: list[int] = []
        with pytest.raises(error):
            async with ref.stream(lodgers.Lies(serious), buffer=buffer) as numbers:
                async for number in numbers:
                    received.append(number)
        assert received == [1, 2]
        assert (await ref.ask(Notes()))[-1] in {"cancelled", "hello"}  # hello: it was cancelled before it waited


async def test_what_is_no_data_is_not_sent() -> None:
    events: list[Event] = []
    async with lodging(events=events) as ref:
        with pytest.raises(NotSendable, match="Echo can't travel between processes: Encoding objects of type object"):
            await ref.ask(Echo(object()))  # type: ignore[arg-type]
        await ref.tell(Note(object()))  # type: ignore[arg-type]
        assert await ref.ask(Notes()) == ["hello"]
        with pytest.raises(NotSendable):
            async with ref.open(Shout()) as conversation:
                await conversation.send(object())  # type: ignore[arg-type]
                await conversation.receive()
        assert await ref.ask(Echo(b"")) == b""
    assert [event.error for event in events if isinstance(event, ErrorSuppressed)] == [
        "troupe.runtime.errors.NotSendable"
    ]


async def test_what_is_too_long_is_not_sent() -> None:
    async with lodging(host=Loopback(max_frame=100_000)) as ref:
        with pytest.raises(NotSendable, match=r"200\d\d\d bytes are more than the 100000"):
            await ref.ask(Echo(b"\x00" * 200_000))
        with pytest.raises(NotSendable, match=r"200\d\d\d bytes are more than the 100000"):
            await ref.ask(lodgers.Fill(200_000))
        with pytest.raises(NotSendable):
            async with ref.open(Shout()) as conversation:
                await conversation.send("x" * 200_000)
                await conversation.receive()
        with pytest.raises(RemoteError):
            await ref.ask(Do("fail at length"))
        assert await ref.ask(Echo(b"")) == b""


async def test_a_tell_that_makes_no_sense_is_dropped_and_reported() -> None:
    events: list[Event] = []
    async with lodging(events=events) as ref:
        await ref.tell(Note(5))  # type: ignore[arg-type]
        assert await ref.ask(Notes()) == ["hello"]
    assert [event.error for event in events if isinstance(event, ErrorSuppressed)] == ["msgspec.ValidationError"]


# -- cancelling and deadlines ------------------------------------------------------------------------------------------


async def test_a_deadline_reaches_the_handler() -> None:
    async with lodging() as ref:
        with pytest.raises(DeadlineExceeded):
            await ref.ask(Do("wait"), timeout=0.05)
        assert await ref.ask(Notes()) == ["hello", "waiting", "cancelled"]


async def test_a_caller_who_is_cancelled_reaches_the_handler() -> None:
    async with lodging() as ref:
        with move_on_after(0.05):
            await ref.ask(Do("wait"))
        assert await ref.ask(Notes()) == ["hello", "waiting", "cancelled"]


async def test_leaving_a_stream_reaches_the_handler() -> None:
    async with lodging() as ref:
        async with ref.stream(Numbers(100_000)) as numbers:
            assert await numbers.receive() == 0
        notes = await ref.ask(Notes())
        assert notes[-1] == "stream over"
        assert len(notes) < 300


async def test_leaving_a_stream_whose_handler_has_ended_makes_room_for_the_next_call() -> None:
    async with lodging() as ref:
        async with ref.stream(Numbers(40), buffer=10) as numbers:
            await sleep(0.01)  # ten wait here, ten more are on their way, ten wait there
            for _ in range(15):
                await numbers.receive()
            await sleep(0.01)
        assert (await ref.ask(Notes()))[-1] == "stream over"


async def test_leaving_a_conversation_reaches_the_handler() -> None:
    async with lodging() as ref:
        async with ref.open(Shout()) as conversation:
            await conversation.send("a")
            assert await conversation.receive() == "A"
        assert await ref.ask(Notes()) == ["hello"]


async def test_a_slow_reader_stops_the_handler() -> None:
    async with lodging(max_concurrency=2) as ref, ref.stream(Numbers(100_000), buffer=4) as numbers:
        assert await numbers.receive() == 0
        await sleep(0.05)
        sent = len(await ref.ask(Notes()))
        assert sent < 4 + 2 * wire.WINDOW
        await sleep(0.05)
        assert len(await ref.ask(Notes())) == sent
        for number in range(1, 1000):
            assert await numbers.receive() == number


async def test_a_cancelled_call_makes_room_only_when_its_handler_is_gone() -> None:
    async with lodging() as ref:
        with move_on_after(0.05):
            await ref.ask(Do("clean up slowly"))
        assert ref.statistics().in_flight == 1
        assert await ref.ask(Notes()) == ["hello", "cleaned up"]


async def test_calls_that_end_while_they_wait_are_never_begun() -> None:
    async with lodging() as ref, create_task_group() as tasks:
        tasks.start_soon(ask_and_catch, ref, Do("wait"), 0.1)
        await sleep(0.01)
        with move_on_after(0.01):
            await ref.ask(Do("exit"))
        with pytest.raises(DeadlineExceeded):
            await ref.ask(Do("exit"), timeout=0.01)
        assert await ref.ask(Notes()) == ["hello", "waiting", "cancelled"]


async def test_a_call_that_is_cancelled_at_the_worker_before_it_is_begun() -> None:
    async with lodging(host=Loopback(prefetch=5)) as ref, create_task_group() as tasks:
        tasks.start_soon(ask_and_catch, ref, Do("wait"), 0.2)
        await sleep(0.01)
        with move_on_after(0.01):
            await ref.ask(Do("exit"))
        with move_on_after(0.01):
            async with ref.stream(Numbers(5)) as numbers:
                await numbers.receive()
        assert await ref.ask(Notes()) == ["hello", "waiting", "cancelled"]


async def test_to_be_told_that_the_caller_has_left_is_no_error_worth_a_report() -> None:
    events: list[Event] = []
    async with lodging(events=events) as ref:
        async with ref.stream(lodgers.Drone(), buffer=2) as numbers:
            assert await numbers.receive() == 1
        assert await ref.ask(Echo(b"")) == b""
    assert not [event for event in events if isinstance(event, ErrorSuppressed)]


async def test_an_error_after_its_caller_left_is_reported() -> None:
    events: list[Event] = []
    async with lodging(events=events) as ref:
        with move_on_after(0.05):
            await ref.ask(Do("fail when cancelled"))
        assert await ref.ask(Echo(b"")) == b""
    (event,) = (event for event in events if isinstance(event, ErrorSuppressed))
    assert (event.path, event.error) == ("lodger", "builtins.KeyError")
    assert "lodgers.py" in event.where


# -- the end of a life -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", [Loopback(), Loopback(prefetch=10)], ids=["without prefetch", "with prefetch"])
async def test_a_crash_ends_what_is_in_flight_and_nothing_that_waits(host: Loopback) -> None:
    async with lodging(host=host) as ref:
        caught: list[Exception] = []
        ref.tell_nowait(DoTold("nap"))
        async with create_task_group() as tasks:
            tasks.start_soon(ask_and_catch, ref, Do("fail for good"), 5.0, caught)
            await wait_all_tasks_blocked()
            ref.tell_nowait(Note("a"))
            ref.tell_nowait(Note("b"))
        (died,) = caught
        assert isinstance(died, ActorDied)
        assert isinstance(died.exit, Crashed)
        assert isinstance(died.exit.error, Fatal)
        assert await ref.ask(Notes()) == ["hello", "a", "b"]


async def test_an_error_in_a_tell_is_a_crash() -> None:
    events: list[Event] = []
    async with lodging(restart=Restart.TEMPORARY, events=events) as ref:
        await ref.tell(DoTold("fail"))
        exit = await ref.wait_ended()
    assert isinstance(exit, Crashed)
    assert isinstance(exit.error, Oops)
    assert exit.error.code == 7


async def test_a_crash_ends_streams_after_what_was_sent_before() -> None:
    async with lodging() as ref:
        received: list[int] = []
        with pytest.raises(ActorDied):
            async with ref.stream(Numbers(100, then="fail for good")) as numbers:
                async for number in numbers:
                    received.append(number)
        assert received == list(range(100))[: len(received)]


@pytest.mark.parametrize("host", [Loopback(), Loopback(prefetch=10)], ids=["without prefetch", "with prefetch"])
async def test_an_actor_that_stops_by_itself_leaves_the_rest_to_its_next_life(host: Loopback) -> None:
    async with lodging(host=host) as ref:
        ref.tell_nowait(Note("of the first life"))
        ref.tell_nowait(DoTold("stop normally"))
        for note in "abcd":
            ref.tell_nowait(Note(note))
        assert await ref.ask(Notes()) == ["hello", "a", "b", "c", "d"]


async def test_exits() -> None:
    async with lodging(restart=Restart.TEMPORARY) as ref:
        await ref.ask(Do("stop normally"))
        assert await ref.wait_ended() == Normal()
    async with lodging() as ref:
        pass
    assert await ref.wait_ended() == SHUTDOWN


async def test_stopping_works_off_the_mailbox_first(tmp_path: pathlib.Path) -> None:
    diary = tmp_path / "diary"
    async with lodging("hello", str(diary)) as ref:
        replies: list[bytes] = []

        async def ask(data: bytes) -> None:
            replies.append(await ref.ask(Echo(data)))

        ref.tell_nowait(DoTold("nap"))
        async with create_task_group() as tasks:
            for data in (b"a", b"b"):
                tasks.start_soon(ask, data)
            await wait_all_tasks_blocked()
            await ref.cell.system.root.stop_child("lodger")
        assert sorted(replies) == [b"a", b"b"]
        with pytest.raises(ActorDied):
            await ref.ask(Echo(b""))
    assert await Path(diary).read_text() == "closed\n"


async def test_restarting_a_group_finishes_what_is_being_worked_on_and_keeps_the_rest() -> None:
    other = child(Lodger, name="other", backoff=NO_BACKOFF)
    async with open_system(lodger(host=Loopback(prefetch=3)), other, strategy=Strategy.ONE_FOR_ALL) as system:
        ref = system.ref("lodger")
        async with create_task_group() as tasks:
            tasks.start_soon(ref.ask, Do("nap"))
            await wait_all_tasks_blocked()
            ref.tell_nowait(Note("kept"))
            system.ref("other").tell_nowait(DoTold("fail"))
        assert await ref.ask(Notes()) == ["hello", "kept"]


async def test_a_failed_start_is_the_error_of_the_actor() -> None:
    with pytest.raises(StartFailed) as caught:
        async with lodging("refuse to be built"):
            pass
    assert isinstance(caught.value.__cause__, Oops)
    assert caught.value.__cause__.code == 1


async def test_a_start_that_takes_too_long_is_given_up() -> None:
    with pytest.raises(StartFailed, match="TimeoutError"):
        async with lodging("never ready", start_timeout=0.05):
            pass


async def test_one_that_does_not_stop_is_cancelled_after_its_grace() -> None:
    events: list[Event] = []
    async with lodging(shutdown=0.05, events=events) as ref, create_task_group() as tasks:
        caught: list[Exception] = []
        tasks.start_soon(ask_and_catch, ref, Do("wait"), 5.0, caught)
        await sleep(0.01)
        tasks.start_soon(partial(ref.cell.system.root.stop_child, "lodger"))
    assert isinstance(caught[0], ActorDied)
    assert [type(event) for event in events if isinstance(event, Cancelled)] == [Cancelled]


# -- a worker that does not do what it should --------------------------------------------------------------------------


def worker_of(ref: Ref) -> Workerless:
    return ref.cell.incarnation._worker


@pytest.mark.parametrize(
    ("frame", "complaint"),
    [
        (wire.Reply(77), "answers number 77, which it does not have"),
        (wire.Items(1, []), "sends items for number 1, which is no stream"),
        (wire.Credit(1, 5), "gives credit for number 1, to which nothing is sent"),
        (wire.Hello(1, ""), "says hello twice"),
        (wire.Start([], ("", ""), "", "", wire.NOTHING, "", 1, 1, []), "makes no sense: Invalid value 10"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, wire.Frame) else "",
)
async def test_a_worker_that_breaks_the_protocol_is_ended(frame: wire.Frame, complaint: str) -> None:
    async with lodging(restart=Restart.TEMPORARY) as ref, create_task_group() as tasks:
        caught: list[Exception] = []
        tasks.start_soon(ask_and_catch, ref, Do("wait"), 5.0, caught)
        await sleep(0.01)
        worker_of(ref).session.connection.send(frame)
        exit = await ref.wait_ended()
    assert isinstance(exit, Crashed)
    assert isinstance(exit.error, ProtocolError)
    assert complaint in str(exit.error)
    assert caught == [caught[0]]
    assert isinstance(caught[0], ActorDied)


async def test_a_worker_that_sends_more_items_than_it_may_is_ended() -> None:
    async with lodging(restart=Restart.TEMPORARY) as ref, ref.stream(Numbers(0, then="wait"), buffer=4) as numbers:
        await sleep(0.01)
        worker_of(ref).session.connection.send(wire.Items(1, [wire.NOTHING] * 5))
        with pytest.raises(ActorDied, match="more than 4 items came without credit"):
            await numbers.receive()


async def test_a_worker_that_hangs_up_is_lost() -> None:
    async with lodging(restart=Restart.TEMPORARY) as ref, create_task_group() as tasks:
        caught: list[Exception] = []
        tasks.start_soon(ask_and_catch, ref, Do("wait"), 5.0, caught)
        await sleep(0.01)
        worker_of(ref).kill()
        exit = await ref.wait_ended()
    assert isinstance(exit, Crashed)
    assert isinstance(exit.error, WorkerLost)
    assert str(exit.error) == "the worker process of 'lodger' is gone"
    assert isinstance(caught[0], ActorDied)


async def test_a_silent_worker_is_lost_and_a_busy_one_is_not() -> None:
    async with lodging(restart=Restart.TEMPORARY, host=Loopback(heartbeat=0.2)) as ref:
        await sleep(0.5)
        assert await ref.ask(Echo(b"")) == b""
        session = worker_of(ref).session
        session._on[wire.Ping] = lambda _: None
        with pytest.raises(ActorDied, match=r"gave no sign of life for 0\.2 s"):
            await ref.ask(Do("wait"))


async def test_heartbeats_can_be_switched_off() -> None:
    async with lodging(host=Loopback(heartbeat=math.inf)) as ref:
        assert await ref.ask(Echo(b"")) == b""


async def test_mailbox_policies_hold() -> None:
    async with lodging(capacity=1, overflow=Overflow.REJECT) as ref, create_task_group() as tasks:
        tasks.start_soon(ask_and_catch, ref, Do("wait"), 0.1)
        await sleep(0.01)
        await ref.tell(Note("waits"))
        with pytest.raises(ChannelFull):
            await ref.tell(Note("too many"))
        await sleep(0.2)
        assert (await ref.ask(Notes()))[-1] == "waits"
