"""One response: the model's tokens become text and tool calls, text becomes speech, speech is sent as it is played.

Three tasks pass work on over bounded channels, so that a slow one holds back those before it: the model is read and its
text cut into pieces; the pieces are handed to the synthesizer; what it speaks is paced and sent. All of them end with
the response's cancel scope, and with them the requests to the providers.

`response.done` is sent exactly once, whichever way it ends.
"""

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from anyio import CancelScope, Event, create_task_group, move_on_after, sleep
from msgspec.structs import replace

from ...codecs.audio_format import AUDIO_FORMATS
from ...codecs.pcm import Int16, int16_from_bytes
from ...codecs.playback import PlaybackClock
from ...codecs.resample import Resampler
from ...codecs.speakable import Piece, SpeechCutter
from ...runtime import Channel, Duplex
from ...runtime.errors import EndOfChannel
from ..contracts import Ended, Generate, Say, Speech, Synthesize, TextDelta, ToolCall
from ..errors import first_error, provider_error
from ..realtime import response_events as event
from ..realtime.items import FunctionCall, Item, Message, OutputAudio, OutputText, Status
from ..realtime.names import name_of
from ..realtime.responses import (
    CachedTokens,
    InputTokens,
    OutputTokens,
    Response,
    ResponseAudio,
    ResponseError,
    ResponseOutput,
    StatusDetails,
    usage_of,
)
from ..realtime.server_events import ConversationItemAdded, ConversationItemDone
from .history import turns
from .plan import Plan

if TYPE_CHECKING:
    from .session import VoiceSession

PIECES = 32
"""Pieces of text that may wait for the synthesizer; then the model's tokens wait."""

REFILL = 0.4
"""Share of the lead that the client may have played before it is sent more."""

CancelReason = Literal["turn_detected", "client_cancelled"]
ResponseStatus = Literal["completed", "cancelled", "failed", "incomplete"]


class Spoken(NamedTuple):
    """What of an answer is spoken when."""

    clock: PlaybackClock
    source: str
    """The answer as the model wrote it."""

    def cut(self, audio_end_ms: int) -> str:
        """Cut it after that time of its audio, and return what is left."""
        return self.source[: self.clock.truncate(audio_end_ms).source_end]


class TranscriptMissing(Exception):
    """What the user said could not be understood, so there is nothing to answer."""


class ResponseRun:
    """A response under way.

    Args:
        session: Whose it is.
        plan: What it is to be.
    """

    def __init__(self, session: "VoiceSession", plan: Plan) -> None:
        self.plan = plan
        self._session = session
        self._services = session.services
        self._scope = CancelScope()
        self._now = session.context.system.now
        self._cancelled: CancelReason | None = None
        self._response = Response(
            output_modalities=("audio",) if plan.spoken else ("text",),
            conversation_id=session.history.id if plan.in_conversation else None,
            max_output_tokens=plan.max_output_tokens,
            audio=ResponseAudio(output=ResponseOutput(format=plan.format, voice=plan.voice)),
            metadata=plan.metadata,
        )
        self._output: list[Item] = []
        self._message: Message | None = None
        self._text = ""  # as far as it has been sent
        self._source = ""  # as far as the model has come, where it is spoken
        self._ending = Ended("stop")
        self._form = AUDIO_FORMATS[name_of(type(plan.format))]
        self._resampler: Resampler | None = None
        self._clock = PlaybackClock(self._form.rate)
        self._piece = -1
        self._ended = False
        self._silence = Event()
        self._message_index = 0

    @property
    def id(self) -> str:
        """The response's id."""
        return self._response.id

    @property
    def spoken(self) -> tuple[str, Spoken] | None:
        """The item that was spoken, and what of it when, if there was one."""
        if self._message is None or not self.plan.spoken:
            return None
        return self._message.id, Spoken(self._clock, self._source)

    def begin(self) -> None:
        """Tell the client that there is a response."""
        self._session.emit(event.ResponseCreated(response=self._response))

    def cancel(self, reason: CancelReason) -> None:
        """Stop it: the model, the speech and what is waiting to be sent."""
        self._cancelled = self._cancelled or reason
        self._scope.cancel()

    def interrupt(self) -> None:
        """The user speaks: stop it, or, if all of it has been sent, note how much of that was heard."""
        if self._ended:
            self._silence.set()
            self._keep_heard()
        else:
            self.cancel("turn_detected")

    async def run(self) -> None:
        """Produce the response and tell the client how it ended."""
        failure: Exception | None = None
        try:
            with self._scope:
                await self._produce()
        except Exception as error:  # policy: a turn that can't be answered says so, and the session lives on
            failure = first_error(error)
        finally:
            self._end(failure)
        if self._cancelled is None:
            with move_on_after(self._clock.remaining(self._now())):
                await self._silence.wait()
        self._session.fell_silent(self)

    async def _produce(self) -> None:
        for utterance in self._session.untranscribed():
            outcome = await utterance.noted.wait()
            if isinstance(outcome, Exception):
                raise TranscriptMissing from outcome
        items = self._session.history.items() if self.plan.items is None else list(self.plan.items)
        request = Generate(
            turns=turns(self.plan.instructions, items),
            tools=self.plan.tools,
            tool_choice=self.plan.tool_choice,
            max_tokens=None if self.plan.max_output_tokens == "inf" else self.plan.max_output_tokens,
            temperature=self.plan.temperature,
        )
        if not self.plan.spoken:
            await self._generate(request, None)
            return
        pieces: Channel[Piece] = Channel(PIECES)
        async with create_task_group() as tasks:
            tasks.start_soon(self._speak, pieces)
            with pieces:
                await self._generate(request, pieces)

    # -- the model -------------------------------------------------------------------------------------------------

    async def _generate(self, request: Generate, pieces: Channel[Piece] | None) -> None:
        cutter = SpeechCutter()
        calls: list[ToolCall] = []
        async with self._services.model.stream(request, timeout=self._services.patience.first_token) as answer:
            async for part in answer:
                match part:
                    case TextDelta(text):
                        if pieces is None:
                            self._write(text)
                        else:
                            self._source += text
                            for piece in cutter.push(text):
                                await pieces.send(piece)
                    case ToolCall():
                        calls.append(part)
                    case Ended():
                        self._ending = part
        if pieces is not None:
            for piece in cutter.finish():
                await pieces.send(piece)
        for call in calls:
            self._call_tool(call)

    def _write(self, text: str) -> None:
        if self._message is None:
            self._open_message(OutputText(text=""), event.TextPart())
        self._text += text
        self._session.emit(event.ResponseOutputTextDelta(**self._place(), delta=text))

    def _call_tool(self, call: ToolCall) -> None:
        item = FunctionCall(call_id=call.id, name=call.name, arguments="", status="in_progress")
        index = self._open_item(item)
        about: dict[str, Any] = {
            "response_id": self.id,
            "item_id": item.id,
            "output_index": index,
            "call_id": call.id,
        }
        self._session.emit(event.ResponseFunctionCallArgumentsDelta(**about, delta=call.arguments))
        self._session.emit(event.ResponseFunctionCallArgumentsDone(**about, name=call.name, arguments=call.arguments))
        self._close_item(replace(item, arguments=call.arguments, status="completed"), index)

    # -- the voice -------------------------------------------------------------------------------------------------

    async def _speak(self, pieces: Channel[Piece]) -> None:
        """Have the pieces spoken, and send what is spoken."""
        try:
            first = await pieces.receive()
        except EndOfChannel:
            return  # nothing to say: a tool call alone, say
        patience = self._services.patience
        request = Synthesize(voice=self._services.voice(self.plan.voice), speed=self.plan.speed)
        said: list[Piece] = []
        async with (
            self._services.synthesizer.open(request, timeout=patience.first_token + patience.first_audio) as voice,
            create_task_group() as tasks,
        ):
            tasks.start_soon(self._say, voice, first, pieces, said)
            async for speech in voice:
                await self._play(speech, said[speech.piece])
        if self._resampler is not None:
            await self._send(self._resampler.finish())
        if self._message is not None:
            self._write_along(len(self._source))

    async def _say(self, voice: Duplex[Say, Speech], first: Piece, pieces: Channel[Piece], said: list[Piece]) -> None:
        said.append(first)
        await voice.send(Say(first.text))
        async for piece in pieces:
            if piece.text:  # the rest may be marks that nobody speaks
                said.append(piece)
                await voice.send(Say(piece.text))
        voice.finish()

    async def _play(self, speech: Speech, piece: Piece) -> None:
        if self._message is None:
            self._open_message(OutputAudio(transcript=""), event.AudioPart())
            self._session.speaks(self)
        if speech.piece != self._piece:
            self._piece = speech.piece
            self._clock.begin(piece)
            self._write_along(piece.end)
        self._clock.words(speech.words)
        samples = int16_from_bytes(speech.pcm)
        if speech.rate != self._form.rate:
            if self._resampler is None:
                self._resampler = Resampler(speech.rate, self._form.rate)
            samples = self._resampler.push(samples)
        await self._send(samples)

    def _write_along(self, end: int) -> None:
        """Send the text that goes with what is spoken, up to `end` of what the model has written."""
        if written := self._source[len(self._text) : end]:
            self._text += written
            self._session.emit(event.ResponseOutputAudioTranscriptDelta(**self._place(), delta=written))

    async def _send(self, samples: Int16) -> None:
        """Send audio, when the client has no more than the lead of it to play."""
        if not len(samples):
            return
        lead = self._services.lead
        if (ahead := self._clock.remaining(self._now()) - lead) > 0:
            await sleep(ahead + lead * REFILL)  # not for every chunk anew: waking up costs more than sending
        self._session.emit(event.ResponseOutputAudioDelta(**self._place(), delta=self._form.encode(samples)))
        self._clock.send(len(samples), self._now())

    # -- items -----------------------------------------------------------------------------------------------------

    def _place(self) -> dict[str, Any]:
        """Where in the response the message's one part is."""
        assert self._message is not None
        return {
            "response_id": self.id,
            "item_id": self._message.id,
            "output_index": self._message_index,
            "content_index": 0,
        }

    def _open_message(self, part: OutputText | OutputAudio, shown: event.TextPart | event.AudioPart) -> None:
        self._message = Message(role="assistant", content=(), status="in_progress")
        self._message_index = self._open_item(self._message)
        self._session.emit(event.ResponseContentPartAdded(**self._place(), part=shown))
        self._message = replace(self._message, content=(part,))

    def _close_message(self, status: Status) -> None:
        """End the message with what was written or spoken of it."""
        message = self._message
        if message is None:
            return
        emit, place = self._session.emit, self._place()
        if self.plan.spoken:
            emit(event.ResponseOutputAudioDone(**place))
            emit(event.ResponseOutputAudioTranscriptDone(**place, transcript=self._text))
            emit(event.ResponseContentPartDone(**place, part=event.AudioPart(transcript=self._text)))
            part: OutputAudio | OutputText = OutputAudio(transcript=self._text)
        else:
            emit(event.ResponseOutputTextDone(**place, text=self._text))
            emit(event.ResponseContentPartDone(**place, part=event.TextPart(text=self._text)))
            part = OutputText(text=self._text)
        self._close_item(replace(message, content=(part,), status=status), self._message_index)

    def _open_item(self, item: Item) -> int:
        """Announce an item of the response; return its index."""
        index = len(self._output)
        self._output.append(item)
        emit = self._session.emit
        emit(event.ResponseOutputItemAdded(response_id=self.id, output_index=index, item=item))
        if self.plan.in_conversation:
            previous = self._session.history.add(item)
            emit(ConversationItemAdded(previous_item_id=previous, item=item))
        return index

    def _close_item(self, item: Item, index: int) -> None:
        self._output[index] = item
        emit = self._session.emit
        emit(event.ResponseOutputItemDone(response_id=self.id, output_index=index, item=item))
        if self.plan.in_conversation and item.id in self._session.history:
            self._session.history.update(item)
            emit(ConversationItemDone(previous_item_id=self._session.history.before(item.id), item=item))

    def _end(self, failure: Exception | None) -> None:
        """Close what is open, and say how the response ended."""
        emit = self._session.emit
        limited = self._ending.reason in ("length", "content_filter")
        complete = failure is None and self._cancelled is None
        self._close_message("completed" if complete and not limited else "incomplete")
        if self._cancelled is not None:
            self._keep_heard()
        self._ended = True
        details: StatusDetails | None = None
        if failure is not None:
            status: ResponseStatus = "failed"
            details = StatusDetails(type="failed", error=_explain(failure))
        elif self._cancelled is not None:
            status, details = "cancelled", StatusDetails(type="cancelled", reason=self._cancelled)
        elif limited:
            reason: Literal["max_output_tokens", "content_filter"] = (
                "max_output_tokens" if self._ending.reason == "length" else "content_filter"
            )
            status, details = "incomplete", StatusDetails(type="incomplete", reason=reason)
        else:
            status = "completed"
        inputs = InputTokens(
            text_tokens=self._ending.input_tokens,
            cached_tokens=self._ending.cached_tokens,
            cached_tokens_details=CachedTokens(text_tokens=self._ending.cached_tokens),
        )
        usage = usage_of(inputs, OutputTokens(text_tokens=self._ending.output_tokens))
        self._response = replace(
            self._response, status=status, status_details=details, output=tuple(self._output), usage=usage
        )
        self._session.ended(self)
        emit(event.ResponseDone(response=self._response))

    def _keep_heard(self) -> None:
        """Leave in the conversation what has been heard of the answer."""
        if self._message is not None and self.plan.spoken:
            heard = self._clock.heard(self._now()).source_end
            self._session.history.cut(self._message.id, self._source[:heard])


def _explain(failure: Exception) -> ResponseError:
    """Say what went wrong, without what a provider or a user said."""
    if isinstance(failure, TranscriptMissing):
        code, message = "transcription_failed", "What was said could not be transcribed."
    else:
        error = provider_error(failure, "")
        code, message = error.code, error.public
    return ResponseError(type="server_error", code=code, message=message)
