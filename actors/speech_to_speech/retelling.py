"""What a conversation was, by what both sides have said, and how another connection is told of it. No I/O.

A connection ends: it is lost, or the provider's time for it is up. The next one is told the conversation as the caller
knows it: the items, with what was heard of them; the audio of which none was made; then what the caller has asked for
that has not been answered. What it says to that the caller does not get, as it would be told twice.

What was said aloud is told as its transcript; the user's also as audio, where there is no transcript and it was not
long ago. Audio of the assistant can't be told to anybody.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from msgspec import UNSET
from msgspec.structs import replace

from ...codecs.audio_format import AUDIO_FORMATS
from ..realtime import client_events as client
from ..realtime import response_events as response
from ..realtime import server_events as server
from ..realtime.errors import ClientMistake
from ..realtime.ids import new_event_id
from ..realtime.items import (
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputText,
    Item,
    Message,
    OutputAudio,
    OutputText,
    without_audio,
)
from ..realtime.names import name_of
from ..realtime.responses import StatusDetails
from ..realtime.session_config import AudioFormat, RealtimeSession
from ..voice.history import History
from .answers import UnderWay
from .user_audio import UserAudio

SPEECH: Final = 4 * 2**20
"""Bytes of the user's speech without transcripts that are kept: 87 s of PCM."""
UNANSWERED: Final = 256
"""Events of the caller that may wait for their answers."""
PIECE: Final = 64 * 2**10
"""Bytes of audio in an event."""

_ANSWERED_BY: Final[dict[type[client.ClientEvent], type[server.ServerEvent]]] = {
    client.SessionUpdate: server.SessionUpdated,
    client.InputAudioBufferCommit: server.InputAudioBufferCommitted,
    client.InputAudioBufferClear: server.InputAudioBufferCleared,
    client.ConversationItemCreate: server.ConversationItemAdded,
    client.ConversationItemRetrieve: server.ConversationItemRetrieved,
    client.ConversationItemTruncate: server.ConversationItemTruncated,
    client.ConversationItemDelete: server.ConversationItemDeleted,
    client.ResponseCreate: response.ResponseCreated,
    client.ResponseCancel: response.ResponseDone,
}
"""What is answered to, and how; answers come in the order of what they answer."""
_ANSWERS: Final = {answer: asked for asked, answer in _ANSWERED_BY.items()}


class Retelling:
    """One conversation.

    Args:
        session: How it begins.
    """

    def __init__(self, session: RealtimeSession) -> None:
        self.session = session
        """How it is configured now."""
        self._history = History()
        self._audio = UserAudio(_per_ms(session.audio.input.format), detected=_detected(session))
        self._offset_ms = 0.0  # of the present connection's times
        self._speech: dict[str, bytes] = {}
        self._sound: Counter[str] = Counter()  # bytes of the assistant's audio
        self._unanswered: dict[str, client.ClientEvent] = {}
        self._callers_ids: dict[str, str | None] = {}  # of events, by those under which they were sent on
        self._own: set[str] = set()  # ids of events by which the provider is told what was
        self._retold: Counter[tuple[type[server.ServerEvent], str]] = Counter()
        self._under_way: dict[str, UnderWay] = {}
        self._asked_again: list[UnderWay] = []
        self._told_as: dict[str, str] = {}  # ids of responses, where the caller knows them by others
        self._announced: dict[str, bool] = {}
        """Items of which the caller knows, and waits to hear that they are done; and whether they were added."""
        self._turn_over = False
        self._owed = False  # whether the answer to a spoken turn is to come

    # -- what is said --------------------------------------------------------------------------------------------------

    def said(self, event: client.ClientEvent) -> client.ClientEvent:
        """Take note of what the caller says; return what the provider is to be told."""
        match event:
            case client.InputAudioBufferAppend():
                self._audio.append(event.audio)
                return event
            case client.InputAudioBufferClear():
                self._audio.clear()
            case client.InputAudioBufferCommit():
                self._audio.mark()
            case client.ResponseCancel(response_id=str() as told):
                known = next((id for id, other in self._told_as.items() if other == told), told)  # noqa: A001
                event = replace(event, response_id=known)
            case _:
                pass
        if type(event) not in _ANSWERED_BY:
            return event
        event_id = new_event_id()
        self._callers_ids[event_id] = event.event_id
        if len(self._unanswered) == UNANSWERED:  # there are servers that leave out some answers
            oldest = next(iter(self._unanswered))
            del self._unanswered[oldest], self._callers_ids[oldest]
        event = replace(event, event_id=event_id)
        self._unanswered[event_id] = event
        return event

    # -- what is heard -------------------------------------------------------------------------------------------------

    def told(self, event: server.ServerEvent) -> server.ServerEvent | None:
        """Take note of what the provider says; return what the caller is to be told, None for nothing."""
        if isinstance(event, server.ErrorEvent):
            return self._refused(event)
        if isinstance(event, server.ConversationItemAdded | server.ConversationItemDone):
            key = (type(event), event.item.id)
            if self._retold[key]:
                self._retold[key] -= 1
                return None
        asked = self._answered(event)
        if isinstance(event, response.ResponseCreated):
            return self._created(event, asked)
        event = self._in_the_callers_words(event)
        self._note(event, asked)
        return event

    def _refused(self, event: server.ErrorEvent) -> server.ErrorEvent | None:
        event_id = event.error.event_id
        if event_id is None:
            return event
        if event_id in self._own:
            return None
        if isinstance(self._unanswered.pop(event_id, None), client.InputAudioBufferCommit):
            self._audio.unmark()
        callers = self._callers_ids.pop(event_id, event_id)
        return replace(event, error=replace(event.error, event_id=callers))

    def _answered(self, event: server.ServerEvent) -> client.ClientEvent | None:
        """Return what an event answers, which waits for its answer no more; None if nothing."""
        kind = _ANSWERS.get(type(event))
        for event_id, asked in self._unanswered.items() if kind is not None else ():
            if type(asked) is kind and _item_of(asked) in {None, _item_of(event)}:
                del self._unanswered[event_id], self._callers_ids[event_id]
                return asked
        return None

    def _created(self, event: response.ResponseCreated, asked: client.ClientEvent | None) -> server.ServerEvent | None:
        self._owed = False
        if self._asked_again:
            known = self._asked_again.pop(0)
            self._told_as[event.response.id] = known.response.id
            self._under_way[known.response.id] = known
            return None
        wish = asked if isinstance(asked, client.ResponseCreate) else None
        self._under_way[event.response.id] = UnderWay(event.response, wish)
        return event

    def _in_the_callers_words(self, event: server.ServerEvent) -> server.ServerEvent:
        """Return an event with the ids and the times that the caller knows."""
        if self._told_as:
            if isinstance(event, response.ResponseDone):
                told = self._told_as.pop(event.response.id, event.response.id)
                return replace(event, response=replace(event.response, id=told))
            known: str | None = getattr(event, "response_id", None)
            if known in self._told_as:
                return replace(event, response_id=self._told_as[known])
        shift = round(self._offset_ms)
        if shift:
            times = {
                name: getattr(event, name) + shift
                for name in ("audio_start_ms", "audio_end_ms")
                if hasattr(event, name) and not isinstance(event, server.ConversationItemTruncated)
            }
            return replace(event, **times) if times else event
        return event

    def _note(self, event: server.ServerEvent, asked: client.ClientEvent | None = None) -> None:
        match event:
            case response.ResponseOutputAudioDelta():
                self._sound[event.item_id] += len(event.delta)
            case server.SessionUpdated(session=RealtimeSession() as session):
                self.session = replace(session, id=self.session.id, model=self.session.model)
                self._audio.change(_per_ms(session.audio.input.format), detected=_detected(session))
            case server.ConversationItemAdded():
                self._add(asked.item if isinstance(asked, client.ConversationItemCreate) else event.item, event)
            case server.ConversationItemDone():
                self._announced.pop(event.item.id, None)
                if not isinstance(event.item, Message) or event.item.role == "assistant":  # others come whole
                    self._history.update(event.item)
            case server.ConversationItemTruncated():
                self._history.cut(event.item_id, self._heard(event.item_id, event.audio_end_ms))
            case server.ConversationItemDeleted():
                self._forget(event.item_id)
            case server.InputAudioBufferSpeechStarted():
                self._audio.started(event.audio_start_ms)
                self._turn_over = False
            case server.InputAudioBufferSpeechStopped():
                self._audio.stopped(event.audio_end_ms)
                self._turn_over = True
            case server.InputAudioBufferCommitted():
                self._committed(event.item_id)
            case server.InputAudioTranscriptionCompleted():
                self._history.transcribe(event.item_id, event.transcript)
                if event.transcript.strip():
                    self._speech.pop(event.item_id, None)
            case response.ResponseDone():
                self._under_way.pop(event.response.id, None)
            case _:
                self._follow(event)

    def _follow(self, event: server.ServerEvent) -> None:
        under_way = self._under_way.get(getattr(event, "response_id", ""))
        if under_way is not None:
            under_way.follow(event)

    def _add(self, item: Item, event: server.ConversationItemAdded) -> None:
        """Add an item: as its client made it, with audio and pictures, or else as the event has it."""
        self._announced[item.id] = True
        previous = event.previous_item_id
        after = None if previous is None or previous not in self._history else previous
        with suppress(ClientMistake):  # the provider knows better what it has
            self._history.add(item, after)
        for item_id in self._history.forget_oldest():
            self._forget(item_id)

    def _forget(self, item_id: str) -> None:
        with suppress(ClientMistake):
            self._history.delete(item_id)
        self._speech.pop(item_id, None)
        self._announced.pop(item_id, None)
        del self._sound[item_id]

    def _committed(self, item_id: str) -> None:
        self._owed = self._turn_over and _answers(self.session)
        self._turn_over = False
        self._announced[item_id] = False
        self._speech[item_id] = self._audio.committed()
        while sum(map(len, self._speech.values())) > SPEECH and len(self._speech) > 1:
            del self._speech[next(iter(self._speech))]

    def _heard(self, item_id: str, milliseconds: int) -> str:
        """Return what of the assistant's speech is said by a time, by its share of it: rather a word less than more."""
        item = self._history.get(item_id)
        text = next((part.transcript or "" for part in _spoken(item)), "")
        text = text or "".join(under_way.text_of(item_id) for under_way in self._under_way.values())
        size = self._sound[item_id] / _per_ms(self.session.audio.output.format)
        if milliseconds >= size:
            return text
        return text[: int(len(text) * milliseconds / size)].rpartition(" ")[0]

    # -- another connection --------------------------------------------------------------------------------------------

    def lost(self) -> Iterator[server.ServerEvent]:
        """Give what the caller is told once a connection has ended.

        An answer of which it knows nothing yet is asked for again; of any other it is told that it broke off.
        """
        cancelled = {
            event_id for event_id, event in self._unanswered.items() if isinstance(event, client.ResponseCancel)
        }
        under_way = [*self._under_way.values(), *self._asked_again]
        self._under_way, self._asked_again, self._told_as = {}, [], {}
        for each in under_way:
            if each.begun:
                for event in each.break_off(self._history):
                    self._note(event)
                    yield event
            elif cancelled:
                yield each.done(StatusDetails(type="cancelled", reason="client_cancelled"))
            else:
                self._asked_again.append(each)
        for event_id in cancelled:
            del self._unanswered[event_id], self._callers_ids[event_id]
        for event in self._rest_of_items():
            self._note(event)
            yield event

    def _rest_of_items(self) -> Iterator[server.ServerEvent]:
        """Give what is still to be said of items that the caller has heard of."""
        for item_id, added in list(self._announced.items()):
            item = self._history.get(item_id) or Message(id=item_id, role="user", content=(InputAudio(),))
            items = self._history.items()
            previous = self._history.before(item_id) if added else items[-1].id if items else None
            if not added:
                yield server.ConversationItemAdded(previous_item_id=previous, item=item)
            yield server.ConversationItemDone(previous_item_id=previous, item=without_audio(item))

    def opening(self) -> Iterator[client.ClientEvent]:
        """Give what a new connection is told, after `lost`."""
        self._retold.clear()
        self._own.clear()
        for item in self._items():
            for kind in (server.ConversationItemAdded, server.ConversationItemDone):
                self._retold[kind, item.id] += 1
            yield client.ConversationItemCreate(item=item, event_id=self._own_id())
        for under_way in self._asked_again:
            options = under_way.asked.response if under_way.asked is not None else None
            yield client.ResponseCreate(response=options, event_id=self._own_id())
        if self._owed and not self._asked_again:
            yield client.ResponseCreate(event_id=self._own_id())
        self._offset_ms, (*committed, rest) = self._audio.again()
        for event in list(self._unanswered.values()):
            if isinstance(event, client.InputAudioBufferCommit) and committed:
                yield from _appended(committed.pop(0))
            yield event
        yield from _appended(rest)

    def _own_id(self) -> str:
        event_id = new_event_id()
        self._own.add(event_id)
        return event_id

    def _items(self) -> Iterator[Item]:
        """Give the items as they can be told."""
        calls: set[str] = set()
        for item in self._history.items():
            match item:
                case Message():
                    parts = tuple(told for part in item.content if (told := self._part(item, part)) is not None)
                    if parts:
                        yield replace(item, content=parts, status="completed", object=UNSET)
                case FunctionCall(status="completed"):
                    calls.add(item.call_id)
                    yield replace(item, object=UNSET)
                case FunctionCallOutput() if item.call_id in calls:
                    yield replace(item, object=UNSET)
                case _:  # what an MCP server was asked, and calls that broke off
                    pass

    def _part(self, item: Message, part: ContentPart) -> ContentPart | None:
        match part:
            case InputAudio(transcript=str() as transcript) if transcript.strip():
                return InputText(text=transcript)
            case InputAudio():
                audio = self._speech.get(item.id) or part.audio
                return InputAudio(audio=audio) if isinstance(audio, bytes) and audio else None
            case OutputAudio():
                return OutputText(text=part.transcript) if part.transcript else None
            case OutputText(text="") | InputText(text=""):
                return None
            case _:
                return part


def _appended(audio: bytes) -> Iterator[client.ClientEvent]:
    for start in range(0, len(audio), PIECE):
        yield client.InputAudioBufferAppend(audio=audio[start : start + PIECE])


def _item_of(event: client.ClientEvent | server.ServerEvent) -> str | None:
    """Return which item an event is about, where that tells what it answers."""
    match event:
        case client.ConversationItemCreate() | server.ConversationItemAdded() | server.ConversationItemRetrieved():
            return event.item.id
        case (
            client.ConversationItemRetrieve()
            | client.ConversationItemTruncate()
            | client.ConversationItemDelete()
            | server.ConversationItemTruncated()
            | server.ConversationItemDeleted()
        ):
            return event.item_id
        case _:
            return None


def _per_ms(form: AudioFormat) -> int:
    audio = AUDIO_FORMATS[name_of(type(form))]
    return audio.rate * audio.sample_size // 1000


def _detected(session: RealtimeSession) -> bool:
    return session.audio.input.turn_detection is not None


def _answers(session: RealtimeSession) -> bool:
    detection = session.audio.input.turn_detection
    return detection is not None and detection.create_response


def _spoken(item: Item | None) -> Iterator[OutputAudio]:
    for part in item.content if isinstance(item, Message) else ():
        if isinstance(part, OutputAudio):
            yield part
