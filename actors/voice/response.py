"""One response: the model's tokens become text and tool calls, text becomes speech, speech is sent as it is played.

Three tasks pass work on over bounded channels, so that a slow one holds back those before it: the model is read and its
text cut into pieces; the pieces are handed to the synthesizer; what it speaks is paced and sent. All of them end with
the response's cancel scope, and with them the requests to the providers.

A response may be begun on a guess of what the user says, before the turn has ended. Until the guess is known to be
right nothing of it goes out: it waits at a gate, in front of its first event. A wrong one leaves no trace.

`response.done` is sent exactly once, whichever way it ends.
"""

import math
import unicodedata
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final, Literal

from anyio import CancelScope, Event, create_task_group, move_on_after
from msgspec.structs import replace

from ...codecs.audio_format import AUDIO_FORMATS
from ...codecs.speakable import Piece, SpeechCutter
from ...runtime import Channel
from ...runtime.errors import EndOfChannel
from ...runtime.parking import Latch
from ..contracts import Ended, Generate, Synthesize, TextDelta, ToolCall
from ..errors import ProviderTimeout, first_error
from ..realtime import response_events as event
from ..realtime.items import InputAudio, Item, Message
from ..realtime.names import name_of
from ..realtime.responses import Response, ResponseAudio, ResponseOutput
from ..routing.watchdog import watchdog
from .delivery import Delivery, Pause
from .history import turns
from .outcome import CancelReason, explain, outcome, usage
from .output import Output, OutputMessage
from .plan import Plan
from .transcripts import TranscriptMissing
from .utterance import Utterance

if TYPE_CHECKING:
    from .session import VoiceSession

PIECES: Final = 32
"""Pieces of text that may wait for the synthesizer; then the model's tokens wait."""


class ResponseRun:
    """A response under way.

    Args:
        session: Whose it is.
        plan: What it is to be.
        turn: The user's turn that it answers, if it was not the client that asked for it.
        guess: What the user seems to have said, where the turn has not ended; `adopt` it when it has.
    """

    def __init__(
        self, session: "VoiceSession", plan: Plan, *, turn: Utterance | None = None, guess: str | None = None
    ) -> None:
        self.plan = plan
        self.guess = guess
        self.deliveries: list[Delivery] = []
        """What it has spoken; more than one where it broke off and said sorry."""
        self._session = session
        self._services = session.services
        self._turn = turn
        self._scope = CancelScope()
        self._guessing = CancelScope()
        self._gate = Latch()
        self._adopted = Latch()
        self._begun = False
        self._now = session.context.system.now
        self._cancelled: CancelReason | None = None
        self._response = Response(
            output_modalities=("audio",) if plan.spoken else ("text",),
            conversation_id=session.history.id if plan.in_conversation else None,
            max_output_tokens=plan.max_output_tokens,
            audio=ResponseAudio(output=ResponseOutput(format=plan.format, voice=plan.voice)),
            metadata=plan.metadata,
        )
        self._output = Output(session, self.id, in_conversation=plan.in_conversation)
        self._writing: OutputMessage | None = None
        self._pause = Pause()
        self._ending = Ended("stop")
        self._heard_seconds = 0.0
        self._ended = False
        self._silence = Event()
        self.done = Latch()
        """Set when its last event was sent."""

    @property
    def id(self) -> str:
        """The response's id."""
        return self._response.id

    @property
    def over(self) -> bool:
        """Whether its last event was sent; it may be playing still."""
        return self._ended

    @property
    def leaving(self) -> bool:
        """Whether it was cancelled, and has not said so yet."""
        return self._begun and self._cancelled is not None and not self._ended

    def begin(self) -> None:
        """Tell the client that there is a response."""
        self._begun = True
        self._session.emit(event.ResponseCreated(response=self._response))

    def adopt(self, turn: Utterance) -> None:
        """The turn that was guessed at has ended: this is its response, afresh if the guess was wrong."""
        self._turn = turn
        self.begin()
        self._session.context.start_soon(self._verify)

    def cancel(self, reason: CancelReason) -> None:
        """Stop it: the model, the speech and what is waiting to be sent."""
        self._cancelled = self._cancelled or reason
        self._output.stopped = True
        self._scope.cancel()

    def interrupt(self) -> None:
        """The user speaks: stop it, or, if all of it has been sent, note how much of that was heard."""
        if self._ended:
            self._silence.set()
            self._keep_heard()
        else:
            self.cancel("turn_detected")

    def disown(self, item_id: str) -> None:
        """The client has deleted an item."""
        self._output.disown(item_id)

    def pause(self) -> None:
        """Hold what it has to say; the client may play what it has."""
        self._pause.begin()

    def resume(self) -> None:
        """Go on where it paused."""
        self._pause.end()

    def mute(self) -> None:
        """Send no more of its audio, and take what is not heard yet for not said."""
        for delivery in self.deliveries:
            delivery.muted = True
        self._silence.set()
        self._keep_heard()

    async def run(self) -> None:
        """Produce the response and tell the client how it ended."""
        try:
            await self._run()
        finally:
            self.deliveries.clear()  # they know this response: with the cycle cut, all is freed now

    async def _run(self) -> None:
        failure: Exception | None = None
        try:
            with self._scope:
                await self._produce()
        except Exception as error:  # policy: a turn that can't be answered says so, and the session lives on
            failure = first_error(error)
            await self._apologise()
        finally:
            if self._begun:
                self._end(failure)
        self._session.floor.go_on()
        if self._begun and self._cancelled is None:
            with move_on_after(max((each.spoken.clock.remaining(self._now()) for each in self.deliveries), default=0)):
                await self._silence.wait()
        self._session.floor.fell_silent(self)

    async def _produce(self) -> None:
        if self.guess is not None:
            if await self._answer_guess(self.guess):
                return
            self._writing, self._ending = None, Ended("stop")
        self._gate = Latch()
        self._gate.set()
        items = await self._session.transcripts.told(self.plan)
        if self._turn is not None and not await self._is_said(self._turn):
            return
        await self._answer(items)

    async def _is_said(self, turn: Utterance) -> bool:
        """Whether a turn that is to be answered has words in it: noise asks for no answer."""
        said = await turn.noted.wait()
        if isinstance(said, Exception):
            raise TranscriptMissing from said
        return bool(said.strip())

    # -- guessing --------------------------------------------------------------------------------------------------

    async def _answer_guess(self, guess: str) -> bool:
        """Answer what the user seems to have said; return whether that was it."""
        said = Message(role="user", content=(InputAudio(transcript=guess),))
        try:
            with self._guessing:
                await self._answer([*self._session.history.items(), said])
                await self._gate.wait()
                return True
        except Exception:  # policy: a guess that fails says nothing, the answer is made afresh
            if self._gate.is_set:
                raise
        await self._adopted.wait()
        return False

    async def _verify(self) -> None:
        """Open the gate if the user has said what was guessed, otherwise have the answer made afresh."""
        assert self._turn is not None
        said = await self._turn.noted.wait()
        tally = self._services.tally
        if isinstance(said, str) and same_words(said, self.guess or ""):
            tally.speculations_used += 1
            self._gate.set()
        else:
            tally.speculations_discarded += 1
            self._guessing.cancel()
        self._adopted.set()

    # -- the model -------------------------------------------------------------------------------------------------

    async def _answer(self, items: list[Item]) -> None:
        plan = self.plan
        told = self._session.window.fit(items, plan.truncation, plan.instructions)
        self._heard_seconds = self._session.history.seconds(told)
        request = Generate(
            turns=turns(plan.instructions, told),
            tools=plan.tools,
            tool_choice=plan.tool_choice,
            max_tokens=None if plan.max_output_tokens == "inf" else plan.max_output_tokens,
            temperature=plan.temperature,
        )
        calls: list[ToolCall] = []
        if not plan.spoken:
            await self._generate(request, self._write, calls)
            await self._call(calls)
            return
        delivery, cutter = self._delivery(), SpeechCutter()
        pieces: Channel[Piece] = Channel(PIECES)

        async def hand_on(text: str) -> None:
            delivery.spoken.source += text
            for piece in cutter.push(text):
                await pieces.send(piece)

        failure: Exception | None = None
        async with create_task_group() as tasks:
            tasks.start_soon(delivery.speak, pieces)
            with pieces:
                try:
                    await self._generate(request, hand_on, calls)
                except Exception as error:  # policy: what came before it is spoken, then it is told
                    failure = error
                for piece in cutter.finish():
                    await pieces.send(piece if failure is None else _whole_words(piece, delivery.spoken.source))
            if failure is None:
                await self._call(calls, delivery)
        if failure is not None:
            raise failure

    async def _generate(self, request: Generate, say: Callable[[str], Awaitable[None]], calls: list[ToolCall]) -> None:
        """Have the model answer: say its text, note its calls. It is not waited for while what it said is handled."""
        patience, now = self._services.patience, self._now
        waited = 0.0
        requested: float | None = now()
        with watchdog("language model", self._session.context.system.deadlines) as dog:
            dog.expect(patience.first_token)
            async with self._services.model.stream(request, timeout=math.inf) as answer:
                while True:
                    asked = now()
                    try:
                        part = await answer.receive()
                    except EndOfChannel:
                        break
                    if requested is not None:
                        self._services.tally.first_token.observe(now() - requested)
                        requested = None
                    waited += now() - asked
                    if waited > patience.answer:
                        raise ProviderTimeout("language model", f"no whole answer in {patience.answer:g} s")
                    match part:
                        case TextDelta(text):
                            with dog.held():
                                await say(text)
                        case ToolCall():
                            calls.append(part)
                        case Ended():
                            self._ending = part
                    dog.expect(patience.between_tokens)

    async def _call(self, calls: list[ToolCall], delivery: Delivery | None = None) -> None:
        if not calls:
            return
        await self._gate.wait()
        if delivery is not None and delivery.spoken.source.strip():
            await delivery.open()  # a model says first what it says beside a call
        for call in calls:
            self._output.call_tool(call)

    async def _write(self, text: str) -> None:
        await self._gate.wait()
        if self._writing is None:
            self._writing = OutputMessage(self._output, spoken=False)
        self._writing.write(text)

    # -- the voice -------------------------------------------------------------------------------------------------

    def _delivery(self) -> Delivery:
        plan, session = self.plan, self._session
        return Delivery(
            self._output,
            self._services,
            Synthesize(voice=plan.voice, speed=plan.speed),
            AUDIO_FORMATS[name_of(type(plan.format))],
            session.context.system,
            gate=self._gate,
            pause=self._pause,
            opened=self._opened,
            sent=self._keep_audio,
        )

    def _keep_audio(self, item_id: str, audio: bytes) -> None:
        if self._output.keeps(item_id):  # what is said out of band can't be retrieved
            self._session.recordings.add(item_id, audio)

    def _opened(self, delivery: Delivery) -> None:
        assert delivery.message is not None
        if self._turn is not None and self._turn.ended_at is not None and not self.deliveries:
            self._services.tally.answer.observe(self._now() - self._turn.ended_at)
        self.deliveries.append(delivery)
        self._session.speaks(self, delivery.message.id, delivery.spoken)

    async def _apologise(self) -> None:
        """Say that something went wrong, if that is wanted and the client is to hear it."""
        text = self._services.spoken_fallback
        wanted = self._begun and self._cancelled is None and self.plan.spoken and self.plan.in_conversation
        if not (text and wanted):
            return
        self._close_messages("incomplete")
        self._gate = Latch()
        self._gate.set()
        cutter = SpeechCutter()
        pieces: Channel[Piece] = Channel(PIECES)
        delivery = self._delivery()
        delivery.spoken.source = text
        try:
            with CancelScope() as self._scope:
                async with create_task_group() as tasks:
                    tasks.start_soon(delivery.speak, pieces)
                    with pieces:
                        for piece in (*cutter.push(text), *cutter.finish()):
                            await pieces.send(piece)
            self._close_messages("completed")
        except Exception:  # policy: it is the voice that fails; the client is told of the first failure
            return

    # -- the end ---------------------------------------------------------------------------------------------------

    def _close_messages(self, status: Literal["completed", "incomplete"]) -> None:
        """End each message with what was written or spoken of it."""
        for message in (self._writing, *(each.message for each in self.deliveries)):
            if message is not None:
                message.close(status)

    def _end(self, failure: Exception | None) -> None:
        """Close what is open, and say how the response ended."""
        limited = self._ending.reason in ("length", "content_filter")
        complete = failure is None and self._cancelled is None and not limited
        self._close_messages("completed" if complete else "incomplete")
        if self._cancelled is not None:
            self._keep_heard()
        self._ended = True
        status, details = outcome(failure, self._cancelled, self._ending)
        if failure is not None:
            self._services.tally.failed += 1
            self._services.tally.errors[explain(failure).code or ""] += 1
        self._response = replace(
            self._response,
            status=status,
            status_details=details,
            output=tuple(self._output.items),
            usage=usage(self._ending, self._heard_seconds, sum(each.spoken.seconds for each in self.deliveries)),
        )
        self._session.emit(event.ResponseDone(response=self._response))
        self._session.tell_rate_limits()
        self._session.ended(self)
        self.done.set()

    def _keep_heard(self) -> None:
        """Leave in the conversation what has been heard of the answer."""
        for delivery in self.deliveries:
            if delivery.message is not None and self._output.keeps(delivery.message.id):
                self._session.history.cut(delivery.message.id, delivery.spoken.heard(self._now()))


def _whole_words(piece: Piece, source: str) -> Piece:
    """Leave out the last word of an answer that broke off in it."""
    if not source[-1:].isalnum():
        return piece
    return replace(piece, text=piece.text.rpartition(" ")[0])


def same_words(one: str, other: str) -> bool:
    """Whether two transcripts differ in nothing but case, punctuation and spaces."""
    return _words(one) == _words(other)


def _words(text: str) -> list[str]:
    letters = (letter if unicodedata.category(letter)[0] not in "PSZ" else " " for letter in text.casefold())
    return "".join(letters).split()
