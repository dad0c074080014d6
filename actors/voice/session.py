"""A voice session: one connection's audio in, turns, responses, audio out.

The session is an actor whose one long call, `Connect`, lasts as long as its client stays. All of its state changes in
plain methods, which run to their end without another task in between; what takes time runs in tasks of the actor: one
for each utterance that is transcribed, one for each response. A response is cancelled through its scope, and says what
became of it on its way out.

It speaks the events of the OpenAI Realtime protocol, as structs; `troupe.services.gateway` puts them on the wire.
"""

from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeAlias, assert_never

from anyio import sleep
from anyio.lowlevel import checkpoint

from ...codecs.audio_format import AUDIO_FORMATS
from ...codecs.pcm import Int16
from ...codecs.turn import SemanticVad, ServerVad, TurnDetector
from ...codecs.turn_table import (
    Agent,
    Decision,
    Dropped,
    Ended,
    IdleTimeout,
    Interrupted,
    MaybeEnded,
    Resumed,
    SpeechStarted,
)
from ...runtime import Actor, Duplex, DuplexRequest
from ...runtime.errors import ChannelBroken, ChannelClosed, RuntimeFault, WouldBlock
from ..realtime import client_events as client
from ..realtime import server_events as server
from ..realtime import session_config as config
from ..realtime.errors import (
    ClientMistake,
    audio_is_shorter,
    commit_is_empty,
    item_has_no_audio,
    no_responses_here,
    no_such_item,
    nothing_to_cancel,
    response_is_active,
)
from ..realtime.ids import new_item_id
from ..realtime.items import InputAudio, Item, Message, without_audio
from ..realtime.names import Dialect, name_of
from ..realtime.responses import ResponseOptions
from ..realtime.session_update import updated
from .activity import Listener
from .ear import RATE, Ear, milliseconds
from .history import History
from .plan import plan
from .response import ResponseRun, Spoken
from .services import Services
from .utterance import Utterance

LEAST_COMMIT = RATE // 10
"""Samples that a commit by the client has to hold: 100 ms, as at OpenAI."""

AT_ONCE = 48_000
"""Bytes of audio that are taken in without a pause: one second of PCM16, some 300 µs of work."""

GAP = 0.2
"""Seconds without audio after which a client counts as silent: many send nothing while their microphone is quiet."""


class ClientTooSlow(RuntimeFault):
    """The client does not read what it is sent."""


FromClient: TypeAlias = client.ClientEvent | ClientMistake
"""What a client sends: events, and frames that turned out to be none."""
ToClient: TypeAlias = server.ServerEvent


class Connect(DuplexRequest[FromClient, ToClient], frozen=True):
    """Be somebody's session, for as long as this call lasts."""

    dialect: Dialect = Dialect.GA


class VoiceSession(Actor):
    """See the module.

    Args:
        configuration: What the session begins with.
        services: Its providers.
    """

    def __init__(self, configuration: config.Session, services: Services) -> None:
        self.config = configuration
        self.services = services
        self.history = History()
        self._ear = Ear(AUDIO_FORMATS[_mime(configuration.audio.input.format)])
        self._detector = TurnDetector(_detection(configuration), rate=RATE)
        self._listener: Listener | None = None
        self._client: Duplex[ToClient, FromClient] | None = None
        self._dialect = Dialect.GA
        self._utterance: Utterance | None = None
        self._uncommitted = 0
        self._heard_until = 0.0
        self._response: ResponseRun | None = None
        """The response of the conversation that is under way."""
        self._playing: ResponseRun | None = None
        """The one that is being heard; that goes on for a while after its last event."""
        self._runs: dict[str, ResponseRun] = {}
        self._spoken: dict[str, Spoken] = {}
        self._untranscribed: dict[str, Utterance] = {}
        self._voice_used = False

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Listen for as long as the session lives."""
        with self.services.activity.listen(self._heard, self._failed) as self._listener:
            yield

    async def connect(self, request: Connect, peer: Duplex[ToClient, FromClient]) -> None:
        """Serve the client until it leaves."""
        self._client, self._dialect = peer, request.dialect
        self.emit(server.SessionCreated(session=self.config))
        self.emit(server.ConversationCreated(conversation=server.Conversation(id=self.history.id)))
        await peer.each(self._handle)

    def _handle(self, event: FromClient) -> Coroutine[Any, Any, None] | None:
        if isinstance(event, client.InputAudioBufferAppend) and len(event.audio) > AT_ONCE:
            return self._append_slowly(event.audio)
        try:
            if isinstance(event, ClientMistake):
                raise event
            self._receive(event)
        except ClientMistake as mistake:
            self.emit(server.error_event(mistake, mistake.event_id or getattr(event, "event_id", None)))
        return None

    def emit(self, event: server.ServerEvent) -> None:
        """Send an event to the client.

        Raises:
            ClientTooSlow: It has not read what it was sent before.
        """
        if self._client is None:
            return
        try:
            self._client.send_nowait(event)
        except WouldBlock:
            raise ClientTooSlow("the client does not read: as many events wait for it as may wait") from None
        except (ChannelBroken, ChannelClosed):
            self._client = None  # it has left; what is still under way ends for nobody

    # -- what the client says --------------------------------------------------------------------------------------

    def _receive(self, event: client.ClientEvent) -> None:
        match event:
            case client.InputAudioBufferAppend():
                self._append(event.audio)
            case client.InputAudioBufferCommit():
                self._commit()
            case client.InputAudioBufferClear():
                self._clear()
            case client.SessionUpdate():
                self._update(event)
            case client.ConversationItemCreate():
                previous = self.history.add(event.item, event.previous_item_id)
                self._announce(event.item, previous)
            case client.ConversationItemRetrieve():
                item = self.history.get(event.item_id)
                if item is None:
                    raise no_such_item("retrieve", event.item_id)
                self.emit(server.ConversationItemRetrieved(item=item))
            case client.ConversationItemTruncate():
                self._truncate(event)
            case client.ConversationItemDelete():
                self.history.delete(event.item_id)
                self._spoken.pop(event.item_id, None)
                self.emit(server.ConversationItemDeleted(item_id=event.item_id))
            case client.ResponseCreate():
                self._respond(event.response)
            case client.ResponseCancel():
                self._cancel(event.response_id)
            case client.OutputAudioBufferClear():
                pass  # the client plays, not we; it is for transports on which the server does
            case _:
                assert_never(event)

    def _update(self, event: client.SessionUpdate) -> None:
        before = self.config
        self.config = after = updated(before, event.session, self._dialect, voice_is_used=self._voice_used)
        if after.audio.input.format != before.audio.input.format:
            self._listen(self._ear.settle())
            self._ear.listen_to(AUDIO_FORMATS[_mime(after.audio.input.format)])
        if after.audio.input.turn_detection != before.audio.input.turn_detection:
            self._decide(self._detector.reconfigure(_detection(after)))
        self.emit(server.SessionUpdated(session=after))

    def _truncate(self, event: client.ConversationItemTruncate) -> None:
        item = self.history.get(event.item_id)
        if item is None:
            raise no_such_item("truncate", event.item_id)
        spoken = self._spoken.get(event.item_id)
        if spoken is None:
            raise item_has_no_audio()
        if event.audio_end_ms > spoken.clock.milliseconds:
            raise audio_is_shorter(spoken.clock.milliseconds, event.audio_end_ms)
        self.history.cut(event.item_id, spoken.cut(event.audio_end_ms))
        self.emit(
            server.ConversationItemTruncated(
                item_id=event.item_id, content_index=event.content_index, audio_end_ms=event.audio_end_ms
            )
        )

    # -- what is heard ---------------------------------------------------------------------------------------------

    def _append(self, audio: bytes) -> None:
        self._heard_until = self.context.system.now()
        self._listen(self._ear.push(audio))

    async def _append_slowly(self, audio: bytes) -> None:
        """Take in a recording, in pieces between which other sessions get their turn."""
        for start in range(0, len(audio), AT_ONCE):
            self._append(audio[start : start + AT_ONCE])
            await checkpoint()

    def _listen(self, samples: Int16) -> None:
        if not len(samples):
            return
        self._uncommitted += len(samples)
        if self._utterance is not None:
            self._utterance.push(samples)
        elif self.config.audio.input.turn_detection is None:
            self._begin_utterance(self._ear.position - len(samples))  # in manual mode every byte belongs to a turn
        if self._listener is not None and self.config.audio.input.turn_detection is not None:
            self._listener.push(samples)

    def _heard(self, probability: float) -> None:
        self._decide(self._detector.window(probability))

    def _failed(self, error: Exception) -> None:
        self.context.start_soon(_raise, error)

    def _decide(self, decisions: Sequence[Decision]) -> None:
        for decision in decisions:
            match decision:
                case SpeechStarted():
                    utterance = self._begin_utterance(decision.start)
                    self.emit(
                        server.InputAudioBufferSpeechStarted(
                            audio_start_ms=milliseconds(decision.start), item_id=utterance.item_id
                        )
                    )
                case Interrupted():
                    for run in {self._response, self._playing}:
                        if run is not None:
                            run.interrupt()
                case Ended():
                    self._turn_ended(decision)
                case Dropped():
                    self._drop_utterance()
                case IdleTimeout():
                    self._idle(decision)
                case MaybeEnded() | Resumed():
                    pass  # speculation begins and ends here
                case _:
                    assert_never(decision)

    def _begin_utterance(self, start: int) -> Utterance:
        wanted = self.config.audio.input.transcription
        utterance = Utterance(
            start,
            wanted.language if wanted else None,
            wanted.prompt if wanted else None,
            self._detector_hears,
        )
        utterance.push(self._ear.since(start))
        self._utterance = utterance
        self.context.start_soon(utterance.run, self.services)
        self.context.start_soon(self._mind_gaps, utterance)
        return utterance

    async def _mind_gaps(self, utterance: Utterance) -> None:
        """Count as silence the time in which a client that should be sending audio sends none."""
        while self._utterance is utterance:
            missing = self.context.system.now() - self._heard_until
            if missing >= GAP:
                self._heard_until += missing
                self._decide(self._detector.elapse(missing))
            await sleep(max(GAP / 2, self._heard_until + GAP - self.context.system.now()))

    def _detector_hears(self, partial: str) -> None:
        self._decide(self._detector.transcript(partial))

    def _drop_utterance(self) -> None:
        if self._utterance is not None:
            self._utterance.end()
            self._utterance = None

    def _turn_ended(self, ended: Ended) -> None:
        utterance = self._utterance
        if utterance is None:  # the client cleared its buffer in the meantime
            return
        self.emit(
            server.InputAudioBufferSpeechStopped(audio_end_ms=milliseconds(ended.position), item_id=utterance.item_id)
        )
        self._commit_utterance(utterance)
        if ended.respond and isinstance(self.config, config.RealtimeSession):
            self._start_response(ResponseOptions())

    def _commit_utterance(self, utterance: Utterance) -> None:
        """Make an item of what the user said; its transcript follows."""
        utterance.end()
        self._utterance = None
        self._uncommitted = 0
        self._untranscribed[utterance.item_id] = utterance
        self.context.start_soon(self._report_transcript, utterance)
        item = Message(id=utterance.item_id, role="user", content=(InputAudio(),))
        previous = self.history.add(item)
        self.emit(server.InputAudioBufferCommitted(previous_item_id=previous, item_id=item.id))
        self._announce(item, previous)

    def _commit(self) -> None:
        self._listen(self._ear.settle())
        if self._uncommitted < LEAST_COMMIT:
            raise commit_is_empty(self._uncommitted * 1000 / RATE)
        utterance = self._utterance or self._begin_utterance(self._ear.position - self._uncommitted)
        self._detector.commit()
        self._commit_utterance(utterance)

    def _clear(self) -> None:
        self._drop_utterance()
        self._detector.clear()
        self._ear.flush()
        self._uncommitted = 0
        self.emit(server.InputAudioBufferCleared())

    def _idle(self, idle: IdleTimeout) -> None:
        item_id = new_item_id()
        self.emit(
            server.InputAudioBufferTimeoutTriggered(
                audio_start_ms=milliseconds(idle.start), audio_end_ms=milliseconds(idle.position), item_id=item_id
            )
        )
        if isinstance(self.config, config.RealtimeSession):
            self._start_response(ResponseOptions())

    async def _report_transcript(self, utterance: Utterance) -> None:
        """Note what was said, and tell the client if it wants to know."""
        outcome = await utterance.transcript.wait()
        del self._untranscribed[utterance.item_id]
        if isinstance(outcome, str):
            self.history.transcribe(utterance.item_id, outcome)
        utterance.noted.set(outcome)
        if self.config.audio.input.transcription is None:
            return
        if isinstance(outcome, str):
            item_id, seconds = utterance.item_id, round(utterance.seconds, 3)
            self.emit(server.InputAudioTranscriptionDelta(item_id=item_id, delta=outcome))
            self.emit(
                server.InputAudioTranscriptionCompleted(
                    item_id=item_id, transcript=outcome, usage=server.DurationUsage(seconds=seconds)
                )
            )
        else:
            error = server.TranscriptionError(
                type="server_error", code="transcription_failed", message="The audio could not be transcribed."
            )
            self.emit(server.InputAudioTranscriptionFailed(item_id=utterance.item_id, error=error))

    # -- what is answered ------------------------------------------------------------------------------------------

    def _respond(self, options: ResponseOptions | None) -> None:
        if not isinstance(self.config, config.RealtimeSession):
            raise no_responses_here()
        options = options or ResponseOptions()
        if options.conversation != "none" and self._response is not None:
            raise response_is_active(self._response.id)
        self._start_response(options)

    def _start_response(self, options: ResponseOptions) -> None:
        assert isinstance(self.config, config.RealtimeSession)
        run = ResponseRun(self, plan(self.config, options, self.history))
        if run.plan.in_conversation:
            if self._response is not None:
                self._response.cancel("turn_detected")
            self._response = run
            self._decide(self._detector.agent_is(Agent.THINKING))
        self._runs[run.id] = run
        run.begin()
        self.context.start_soon(run.run)

    def _cancel(self, response_id: str | None) -> None:
        run = self._response if response_id is None else self._runs.get(response_id)
        if run is None:
            raise nothing_to_cancel()
        run.cancel("client_cancelled")

    # -- what responses tell ---------------------------------------------------------------------------------------

    def untranscribed(self) -> list[Utterance]:
        """Return what was said and is not understood yet, oldest first."""
        return list(self._untranscribed.values())

    def speaks(self, run: ResponseRun) -> None:
        """The first audio of a response goes out."""
        self._voice_used = True
        if self._response is run:
            self._playing = run
            self._decide(self._detector.agent_is(Agent.SPEAKING))

    def ended(self, run: ResponseRun) -> None:
        """A response has said its last word; of what it spoke some may still be playing."""
        self._runs.pop(run.id, None)
        if self._response is run:
            self._response = None
        if run.spoken is not None:
            item_id, spoken = run.spoken
            self._spoken[item_id] = spoken

    def fell_silent(self, run: ResponseRun) -> None:
        """Nothing of a response is played any more."""
        if self._playing is run:
            self._playing = None
        if self._response is None and self._playing is None:
            self._decide(self._detector.agent_is(Agent.IDLE))

    def _announce(self, item: Item, previous: str | None) -> None:
        shown = without_audio(item)
        self.emit(server.ConversationItemAdded(previous_item_id=previous, item=shown))
        self.emit(server.ConversationItemDone(previous_item_id=previous, item=shown))


async def _raise(error: Exception) -> None:
    raise error


def _mime(form: config.AudioFormat) -> str:
    return name_of(type(form))


def _detection(session: config.Session) -> ServerVad | SemanticVad | None:
    """Return the parameters of the detector for those of the protocol."""
    match session.audio.input.turn_detection:
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
