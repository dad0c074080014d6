"""What a response says, as the items and events in which a client gets it.

An item of the conversation is announced in both ways, as part of the response and as part of the conversation; one of a
response out of band only in the first. The order of events is the live service's.
"""

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from ..contracts import ToolCall
from ..realtime import response_events as event
from ..realtime.items import FunctionCall, Item, Message, OutputAudio, OutputText, Status
from ..realtime.server_events import ConversationItemAdded, ConversationItemDone

if TYPE_CHECKING:
    from .session import VoiceSession


class Output:
    """The items of one response.

    Args:
        session: Whose they are.
        response_id: Of the response.
        in_conversation: Whether they join the conversation.
    """

    def __init__(self, session: "VoiceSession", response_id: str, *, in_conversation: bool) -> None:
        self.items: list[Item] = []
        self.stopped = False
        """Whether nothing may be added to an item any more, because the response was cancelled."""
        self._session = session
        self._response_id = response_id
        self._in_conversation = in_conversation
        self._disowned: set[str] = set()

    def emit(self, event: Any) -> None:
        """Send an event to the client."""
        self._session.emit(event)

    def disown(self, item_id: str) -> None:
        """The client has deleted an item, whose id may be that of another one from now on."""
        self._disowned.add(item_id)

    def keeps(self, item_id: str) -> bool:
        """Whether an item of this response is in the conversation."""
        return self._in_conversation and item_id not in self._disowned

    def place(self, item_id: str, index: int) -> dict[str, Any]:
        """Return the members that say which item of the response an event is about."""
        return {"response_id": self._response_id, "item_id": item_id, "output_index": index}

    def open(self, item: Item) -> int:
        """Announce an item; return its index."""
        index = len(self.items)
        self.items.append(item)
        self.emit(event.ResponseOutputItemAdded(response_id=self._response_id, output_index=index, item=item))
        if self._in_conversation:
            previous = self._session.history.add(item)
            self.emit(ConversationItemAdded(previous_item_id=previous, item=item))
        return index

    def close(self, item: Item, index: int) -> None:
        """Announce that an item is complete, or as complete as it will be."""
        self.items[index] = item
        history = self._session.history
        if self.keeps(item.id) and item.id in history:
            history.update(item)
            self.emit(ConversationItemDone(previous_item_id=history.before(item.id), item=item))
        self.emit(event.ResponseOutputItemDone(response_id=self._response_id, output_index=index, item=item))

    def call_tool(self, call: ToolCall) -> None:
        """Tell the client of a function that it is to call."""
        item = FunctionCall(call_id=call.id, name=call.name, arguments="", status="in_progress")
        index = self.open(item)
        place: dict[str, Any] = {**self.place(item.id, index), "call_id": call.id}
        self.emit(event.ResponseFunctionCallArgumentsDelta(**place, delta=call.arguments))
        self.emit(event.ResponseFunctionCallArgumentsDone(**place, name=call.name, arguments=call.arguments))
        self.close(replace(item, arguments=call.arguments, status="completed"), index)


class OutputMessage:
    """A message of the assistant under way, with one part: text, or audio with its transcript.

    Args:
        output: The response's.
        spoken: Whether it is audio.
    """

    def __init__(self, output: Output, *, spoken: bool) -> None:
        self.text = ""
        """What of its text was sent."""
        self._output = output
        self._spoken = spoken
        self._item = Message(role="assistant", content=(), status="in_progress")
        self._index = output.open(self._item)
        self._place: dict[str, Any] = {**output.place(self._item.id, self._index), "content_index": 0}
        self._open = True
        part = event.AudioPart() if spoken else event.TextPart()
        output.emit(event.ResponseContentPartAdded(**self._place, part=part))

    @property
    def id(self) -> str:
        """The item's id."""
        return self._item.id

    def write(self, text: str) -> None:
        """Send more of its text."""
        if not text or self._output.stopped:
            return
        self.text += text
        kind = event.ResponseOutputAudioTranscriptDelta if self._spoken else event.ResponseOutputTextDelta
        self._output.emit(kind(**self._place, delta=text))

    def play(self, audio: bytes) -> None:
        """Send more of its audio, in the response's format."""
        self._output.emit(event.ResponseOutputAudioDelta(**self._place, delta=audio))

    def close(self, status: Status) -> None:
        """Say that this was all. Closing it again changes nothing."""
        if not self._open:
            return
        self._open = False
        emit, place, text = self._output.emit, self._place, self.text
        content: OutputAudio | OutputText
        if self._spoken:
            emit(event.ResponseOutputAudioDone(**place))
            emit(event.ResponseOutputAudioTranscriptDone(**place, transcript=text))
            emit(event.ResponseContentPartDone(**place, part=event.AudioPart(transcript=text)))
            content = OutputAudio(transcript=text)
        else:
            emit(event.ResponseOutputTextDone(**place, text=text))
            emit(event.ResponseContentPartDone(**place, part=event.TextPart(text=text)))
            content = OutputText(text=text)
        self._output.close(replace(self._item, content=(content,), status=status), self._index)
