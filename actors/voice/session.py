"""A voice session: one connection's audio in, turns, responses, audio out.

The session is an actor whose one long call, `Connect`, lasts as long as its client stays. All of its state changes in
plain methods, which run to their end without another task in between; what takes time runs in tasks of the actor: one
for each utterance that is transcribed, one for each response. A response is cancelled through its scope, and says what
became of it on its way out.

What the client says is handled here; what is heard in `input_buffer`, what is understood in `transcripts`, what follows
from both in `floor`.

It speaks the events of the OpenAI Realtime protocol, as structs; `troupe.services.gateway` puts them on the wire.
"""

from collections.abc import AsyncGenerator, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import Any, Final, TypeAlias, assert_never

from msgspec.structs import replace

from ...codecs.audio_format import AUDIO_FORMATS
from ...runtime import Actor, Duplex, DuplexRequest
from ...runtime.errors import ChannelBroken, ChannelClosed, RuntimeFault, WouldBlock
from ..realtime import client_events as client
from ..realtime import response_events
from ..realtime import server_events as server
from ..realtime import session_config as config
from ..realtime.errors import (
    ClientMistake,
    audio_is_shorter,
    item_has_no_audio,
    no_responses_here,
    no_such_item,
    nothing_to_cancel,
    response_is_active,
)
from ..realtime.ids import new_item_id
from ..realtime.items import InputAudio, Item, Message, OutputAudio, without_audio
from ..realtime.names import Dialect, name_of
from ..realtime.page_events import FromPage, HearingEnded, HearingStarted, PageEvent, ToPage
from ..realtime.responses import ResponseOptions
from ..realtime.session_update import updated
from ..realtime.tools import McpTool
from .context_window import ContextWindow
from .delivery import Spoken
from .floor import Floor
from .history import History
from .input_buffer import InputBuffer
from .plan import plan
from .recorder import Recorder, recording
from .recordings import Recordings, heard_as
from .response import ResponseRun
from .services import Services
from .transcripts import Transcripts
from .utterance import Utterance

IN_ORDER: Final = (client.InputAudioBufferCommit, client.InputAudioBufferClear, client.SessionUpdate)
"""Events that are about the audio before them, so that it has to be judged first."""

HARMLESS: Final = (client.InputAudioBufferAppend, client.ConversationItemRetrieve)
"""Events that change nothing of what a model would be told."""


TRUNCATABLE: Final = 32
"""Messages of the assistant, the latest ones, that a client can still truncate."""


class ClientTooSlow(RuntimeFault):
    """The client does not read what it is sent."""


FromClient: TypeAlias = client.ClientEvent | FromPage | ClientMistake
"""What a client sends: events, also of the side channel, and frames that turned out to be none."""
ToClient: TypeAlias = server.ServerEvent | ToPage


class Connect(DuplexRequest[FromClient, ToClient], frozen=True):
    """Be somebody's session, for as long as this call lasts."""

    dialect: Dialect = Dialect.GA


class VoiceSession(Actor):
    """See the module.

    Args:
        configuration: What the session begins with.
        services: Its providers.
    """

    input: InputBuffer
    floor: Floor

    def __init__(self, configuration: config.Session, services: Services) -> None:
        self.config = configuration
        self.services = services
        self.history = History()
        self.recordings = Recordings(services.recordings)
        self.window = ContextWindow(services.context_tokens)
        self.transcripts = Transcripts(self)
        self._client: Duplex[ToClient, FromClient] | None = None
        self._dialect = Dialect.GA
        self._runs: dict[str, ResponseRun] = {}
        self._spoken: dict[str, Spoken | None] = {}
        """What was spoken when, by item; None where that is too long ago to be cut."""
        self._voice_used = False
        self._recorder: Recorder | None = None
        self._played = ""  # the response that was played last

    @asynccontextmanager
    async def lifespan(self) -> AsyncGenerator[None]:
        """Listen for as long as the session lives."""
        if self.services.record is None:
            with self._listening():
                yield
            return
        async with recording(self.services.record, self.config.id, self.context.system.now) as self._recorder:
            self.services = self._recorder.services(self.services)
            with self._listening():
                yield

    @contextmanager
    def _listening(self) -> Generator[None]:
        self.floor = Floor(self)
        self.input = InputBuffer(
            self.config.audio.input,
            self.context,
            self.services,
            self.recordings,
            decide=self.floor.decide,
            understood=self.transcripts.understood,
        )
        try:
            with self.services.activity.listen(self.input.heard, self._failed) as self.input.listener:
                yield
        finally:
            # Its parts know each other and it. With these cycles cut, a session of a third of a megabyte is freed now,
            # and not when the garbage collector comes round, which is after thousands of sessions on a busy server.
            for part in (self.input, self.floor, self):
                vars(part).clear()

    async def connect(self, request: Connect, peer: Duplex[ToClient, FromClient]) -> None:
        """Serve the client until it leaves."""
        self._client, self._dialect = peer, request.dialect
        if self._recorder is not None:
            self._recorder.began(self.config, request.dialect, self.services)
            self.context.start_soon(self._recorder.run)
        self.emit(server.SessionCreated(session=self.config))
        self.emit(server.ConversationCreated(conversation=server.Conversation(id=self.history.id)))
        with self.services.page.attached(self._send) if self.services.page else nullcontext():
            await peer.each(self._handle)

    def emit(self, event: server.ServerEvent) -> None:
        """Send an event to the client.

        Raises:
            ClientTooSlow: It has not read what it was sent before.
        """
        if self._client is None:
            return
        if self._recorder is not None:
            self._recorder.told(event)
        self._send(event)

    def _send(self, event: ToClient) -> None:
        if self._client is None:
            return
        try:
            self._client.send_nowait(event)
        except WouldBlock:
            raise ClientTooSlow("the client does not read: as many events wait for it as may wait") from None
        except (ChannelBroken, ChannelClosed):
            self._client = None  # it has left; what is still under way ends for nobody

    def _failed(self, error: Exception) -> None:
        self.context.start_soon(_raise, error)

    # -- what the client says --------------------------------------------------------------------------------------

    def _handle(self, event: FromClient) -> Coroutine[Any, Any, None] | None:
        if isinstance(event, PageEvent):
            self._hear_page(event)
            return None
        if self._recorder is not None:
            self._recorder.heard(event)
        if isinstance(event, client.InputAudioBufferAppend):
            return self.input.append(event.audio)
        if isinstance(event, IN_ORDER) and self.input.unjudged:
            return self._handle_judged(event)
        if isinstance(event, client.ResponseCreate) and self.floor.active is not None and self.floor.active.leaving:
            return self._handle_after(self.floor.active, event)
        self._receive(event)
        return None

    def _hear_page(self, event: FromPage) -> None:
        """The page says something on the side channel, of which a recording holds nothing."""
        match event:
            case HearingStarted():
                self.floor.client_speaks()
            case HearingEnded():
                self.floor.client_has_spoken()
            case _:
                if self.services.page is not None:
                    self.services.page.take(event)

    async def _handle_judged(self, event: client.ClientEvent) -> None:
        await self.input.catch_up()
        self._receive(event)

    async def _handle_after(self, cancelled: ResponseRun, event: client.ClientEvent) -> None:
        """A response that the client has cancelled still has to say so: clients ask for the next one in one breath."""
        await cancelled.done.wait()
        self._receive(event)

    def _receive(self, event: client.ClientEvent | ClientMistake) -> None:
        try:
            if isinstance(event, ClientMistake):
                raise event
            if not isinstance(event, HARMLESS):
                self.floor.discard_guess()
            self._obey(event)
        except ClientMistake as mistake:
            self.emit(server.error_event(mistake, mistake.event_id or getattr(event, "event_id", None)))

    def _obey(self, event: client.ClientEvent) -> None:
        match event:
            case client.InputAudioBufferAppend():
                pass  # goes another way, as it may take time
            case client.InputAudioBufferCommit():
                self.floor.commit()
                self.commit(self.input.commit())
            case client.InputAudioBufferClear():
                self.floor.clear()
                self.input.clear()
                self.emit(server.InputAudioBufferCleared())
            case client.SessionUpdate():
                self._update(event)
            case client.ConversationItemCreate():
                self._create(event)
            case client.ConversationItemRetrieve():
                self.emit(
                    server.ConversationItemRetrieved(item=self._with_audio(self._item("retrieve", event.item_id)))
                )
            case client.ConversationItemTruncate():
                self._truncate(event)
            case client.ConversationItemDelete():
                self.history.delete(event.item_id)
                self._forget(event.item_id)
                for run in {*self._runs.values(), *self.floor.speaking()}:
                    run.disown(event.item_id)
                self.emit(server.ConversationItemDeleted(item_id=event.item_id))
            case client.ResponseCreate():
                self.respond(event.response)
            case client.ResponseCancel():
                self._cancel(event.response_id)
            case client.OutputAudioBufferClear():
                self._clear_output()
            case _:
                assert_never(event)

    def _update(self, event: client.SessionUpdate) -> None:
        before = self.config
        self.config = updated(before, event.session, self._dialect, voice_is_used=self._voice_used)
        self.floor.decide(self.input.reconfigure(self.config.audio.input))
        self.emit(server.SessionUpdated(session=self.config))
        for _ in _mcp_servers(self.config) - _mcp_servers(before):  # they are not called, and that is said
            item_id = new_item_id()
            self.emit(response_events.McpListToolsInProgress(item_id=item_id))
            self.emit(response_events.McpListToolsFailed(item_id=item_id))

    def _create(self, event: client.ConversationItemCreate) -> None:
        item = without_audio(event.item)
        previous = self.history.add(item, event.previous_item_id)
        self._announce(item, previous)
        self._make_room()
        if utterance := self.transcripts.of(event.item):
            self.history.lasts(item.id, utterance.seconds)
            self.transcripts.follow(utterance)

    def _make_room(self) -> None:
        for item_id in self.history.forget_oldest():
            self._forget(item_id)

    def _forget(self, item_id: str) -> None:
        self._spoken.pop(item_id, None)
        self.recordings.forget(item_id)

    def _item(self, verb: Any, item_id: str) -> Item:
        item = self.history.get(item_id)
        if item is None:
            raise no_such_item(verb, item_id)
        return item

    def _with_audio(self, item: Item) -> Item:
        audio = self.recordings.get(item.id)
        if not audio or not isinstance(item, Message):
            return item
        if item.role == "user":
            audio = heard_as(AUDIO_FORMATS[name_of(type(self.config.audio.input.format))], audio)
        parts = tuple(replace(p, audio=audio) if isinstance(p, InputAudio | OutputAudio) else p for p in item.content)
        return replace(item, content=parts)

    def _truncate(self, event: client.ConversationItemTruncate) -> None:
        self._item("truncate", event.item_id)
        if event.item_id not in self._spoken:
            raise item_has_no_audio()
        spoken = self._spoken[event.item_id]
        if spoken is not None:
            if event.audio_end_ms > spoken.clock.milliseconds:
                raise audio_is_shorter(spoken.clock.milliseconds, event.audio_end_ms)
            self.history.cut(event.item_id, spoken.cut(event.audio_end_ms))
            self.recordings.cut(event.item_id, spoken.bytes_until(event.audio_end_ms))
        self.emit(
            server.ConversationItemTruncated(
                item_id=event.item_id, content_index=event.content_index, audio_end_ms=event.audio_end_ms
            )
        )

    def _clear_output(self) -> None:
        """On a WebSocket the client plays, not we; but what is not sent yet is ours to hold back."""
        if self.floor.playing is not None:
            self.floor.playing.mute()
        self.emit(server.OutputAudioBufferCleared(response_id=self._played))

    # -- what is heard ---------------------------------------------------------------------------------------------

    def commit(self, utterance: Utterance) -> None:
        """Make an item of what the user has said; its transcript follows."""
        item = Message(id=utterance.item_id, role="user", content=(InputAudio(),))
        self._commit_item(item)
        self.history.lasts(item.id, utterance.seconds)
        self.transcripts.follow(utterance)

    def commit_silence(self, start_ms: int, end_ms: int) -> None:
        """Make an item of a silence that has lasted too long: there is nothing in it."""
        item = Message(role="user", content=(InputAudio(transcript=""),))
        self.emit(
            server.InputAudioBufferTimeoutTriggered(audio_start_ms=start_ms, audio_end_ms=end_ms, item_id=item.id)
        )
        self._commit_item(item)

    def _commit_item(self, item: Message) -> None:
        previous = self.history.add(item)
        self.emit(server.InputAudioBufferCommitted(previous_item_id=previous, item_id=item.id))
        self._announce(item, previous)
        self._make_room()

    def _announce(self, item: Item, previous: str | None) -> None:
        self.emit(server.ConversationItemAdded(previous_item_id=previous, item=item))
        self.emit(server.ConversationItemDone(previous_item_id=previous, item=item))

    # -- what is answered ------------------------------------------------------------------------------------------

    def respond(self, options: ResponseOptions | None) -> None:
        """Begin the response that the client, or its silence, asks for.

        Raises:
            ClientMistake: There can be none, or one is under way.
        """
        if not isinstance(self.config, config.RealtimeSession):
            raise no_responses_here()
        options = options or ResponseOptions()
        if options.conversation != "none" and self.floor.active is not None:
            raise response_is_active(self.floor.active.id)
        self.start(ResponseRun(self, plan(self.config, options, self.history)))

    def start(self, run: ResponseRun, turn: Utterance | None = None) -> None:
        """Begin a response, or adopt one that was begun before its turn had ended."""
        if run.plan.in_conversation:
            self.floor.thinks(run)
        self._runs[run.id] = run
        if turn is not None:
            run.adopt(turn)
            return
        run.begin()
        self.context.start_soon(run.run)

    def _cancel(self, response_id: str | None) -> None:
        run = self.floor.active if response_id is None else self._runs.get(response_id)
        if run is None:
            raise nothing_to_cancel()
        run.cancel("client_cancelled")

    # -- what responses tell ---------------------------------------------------------------------------------------

    def speaks(self, run: ResponseRun, item_id: str, spoken: Spoken) -> None:
        """The first audio of a message goes out."""
        self._voice_used = True
        self._played = run.id
        self._spoken[item_id] = spoken
        for old in list(self._spoken)[-TRUNCATABLE - 1 : -TRUNCATABLE]:
            self._spoken[old] = None
        self.floor.speaks(run)

    def ended(self, run: ResponseRun) -> None:
        """A response has said its last word."""
        self._runs.pop(run.id, None)
        self.floor.ended(run)

    def tell_rate_limits(self) -> None:
        """Tell the client what is left of its allowance, if it has a limit."""
        if self.services.rate_limits is not None:
            self.emit(response_events.RateLimitsUpdated(rate_limits=self.services.rate_limits()))


def _mcp_servers(session: config.Session) -> set[str]:
    tools = session.tools if isinstance(session, config.RealtimeSession) else ()
    return {tool.server_label for tool in tools if isinstance(tool, McpTool)}


async def _raise(error: Exception) -> None:
    raise error
