"""Answers under way, as far as the caller has been told of them; what becomes of one whose connection is lost. No I/O.

A caller is told of an item in many events. Where they break off, the rest is said for the provider: that the item is
incomplete, and that the response has failed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from ..realtime import response_events as response
from ..realtime.client_events import ResponseCreate
from ..realtime.items import FunctionCall, Item, Message, OutputAudio, OutputText
from ..realtime.responses import Response, ResponseError, StatusDetails
from ..realtime.server_events import ConversationItemDone, ServerEvent
from ..voice.history import History

LOST = ResponseError(type="server_error", code="broken_stream", message="A provider failed while it was answering.")
"""What is told of an answer that broke off."""


@dataclass(slots=True)
class _Made:
    """An item under way."""

    item: Item
    text: str = ""
    spoken: bool = False
    part: int | None = None
    ended: set[type[ServerEvent]] = field(default_factory=set)
    """Kinds of events by which ends of its part were told."""
    done: bool = False

    def so_far(self) -> Item:
        """Return the item with what was told of it."""
        if self.done:
            return self.item
        if not isinstance(self.item, Message):
            return replace(self.item, status="incomplete") if isinstance(self.item, FunctionCall) else self.item
        part = OutputAudio(transcript=self.text) if self.spoken else OutputText(text=self.text)
        return replace(self.item, status="incomplete", content=() if self.part is None else (part,))


@dataclass(slots=True)
class UnderWay:
    """One response, by what the caller was told of it."""

    response: Response
    asked: ResponseCreate | None
    """With what the caller has asked for it; None for the answer to a spoken turn."""
    _made: dict[str, _Made] = field(default_factory=dict)

    @property
    def begun(self) -> bool:
        """Whether anything of it was told but that it was created; if not, it can be asked for again."""
        return bool(self._made)

    def follow(self, event: ServerEvent) -> None:
        """Take note of an event of this response."""
        match event:
            case response.ResponseOutputItemAdded(item=item):
                self._made[item.id] = _Made(item)
            case response.ResponseOutputItemDone(item=item) if item.id in self._made:
                self._made[item.id].item, self._made[item.id].done = item, True
            case response.ResponseContentPartAdded() if event.item_id in self._made:
                self._made[event.item_id].part = event.content_index
                self._made[event.item_id].spoken = isinstance(event.part, response.AudioPart)
            case response.ResponseOutputTextDelta() | response.ResponseOutputAudioTranscriptDelta():
                if event.item_id in self._made:
                    self._made[event.item_id].text += event.delta
            case (
                response.ResponseOutputTextDone()
                | response.ResponseOutputAudioDone()
                | response.ResponseOutputAudioTranscriptDone()
                | response.ResponseContentPartDone()
            ):
                if event.item_id in self._made:
                    self._made[event.item_id].ended.add(type(event))
            case _:
                pass

    def text_of(self, item_id: str) -> str:
        """Return what was told of an item's text; empty if it is none of this response."""
        made = self._made.get(item_id)
        return made.text if made is not None else ""

    def break_off(self, history: History) -> Iterator[ServerEvent]:
        """Give what the caller is told now that no more of it will come.

        Args:
            history: The conversation, as it was told.
        """
        for index, made in enumerate(self._made.values()):
            if made.done:
                continue
            item = made.so_far()
            if made.part is not None:
                yield from (event for event in self._end_part(made, index) if type(event) not in made.ended)
            known = history.get(item.id)
            if isinstance(known, Message | FunctionCall) and known.status == "in_progress":
                yield ConversationItemDone(previous_item_id=history.before(item.id), item=item)
            yield response.ResponseOutputItemDone(response_id=self.response.id, output_index=index, item=item)
        yield self.done(StatusDetails(type="failed", error=LOST))

    def done(self, details: StatusDetails) -> ServerEvent:
        """Return the last event, with that outcome."""
        output = tuple(made.so_far() for made in self._made.values())
        status = "cancelled" if details.type == "cancelled" else "failed"
        return response.ResponseDone(
            response=replace(self.response, status=status, status_details=details, output=output)
        )

    def _end_part(self, made: _Made, index: int) -> Iterator[ServerEvent]:
        place: dict[str, Any] = {
            "response_id": self.response.id,
            "item_id": made.item.id,
            "output_index": index,
            "content_index": made.part,
        }
        if made.spoken:
            yield response.ResponseOutputAudioDone(**place)
            yield response.ResponseOutputAudioTranscriptDone(**place, transcript=made.text)
            yield response.ResponseContentPartDone(**place, part=response.AudioPart(transcript=made.text))
        else:
            yield response.ResponseOutputTextDone(**place, text=made.text)
            yield response.ResponseContentPartDone(**place, part=response.TextPart(text=made.text))
