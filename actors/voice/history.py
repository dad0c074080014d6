"""The conversation of a session: its items in order, and what a model is told of them."""

import msgspec
from msgspec.structs import replace

from ..contracts import ImagePart, TextPart, ToolCall, Turn
from ..realtime.errors import item_exists, no_such_call, no_such_item, no_such_previous_item
from ..realtime.ids import new_conversation_id
from ..realtime.items import (
    ContentPart,
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    Message,
    OutputAudio,
    OutputText,
)

ROOT = "root"
"""The `previous_item_id` that puts an item in front of all others."""

MAX_BYTES = 32 * 2**20
"""What all items of a conversation may hold, text and pictures: the oldest are forgotten beyond that."""

PENDING = "There is no result yet."
"""What a model is told of a call whose output has not come: providers refuse a call without one."""


class History:
    """Items in order. Ids are unique while an item is there, and free again when it is deleted."""

    def __init__(self) -> None:
        self.id = new_conversation_id()
        self._items: dict[str, Item] = {}
        self._sizes: dict[str, int] = {}
        self._heard: dict[str, str] = {}
        self._seconds: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    def add(self, item: Item, previous_item_id: str | None = None) -> str | None:
        """Add an item after another, in front of all for ``root``, or at the end; return the id it stands after.

        Raises:
            ClientMistake: An item has that id already, or there is none to stand after, or it is the output of a call
                that is not there.
        """
        if item.id in self._items:
            raise item_exists(item.id)
        if isinstance(item, FunctionCallOutput) and not self._calls(item.call_id):
            raise no_such_call(item.call_id)
        if previous_item_id is None:
            previous = next(reversed(self._items), None)
            self._items[item.id] = item
            self._sizes[item.id] = _size(item)
            return previous
        if previous_item_id != ROOT and previous_item_id not in self._items:
            raise no_such_previous_item(previous_item_id)
        items = list(self._items.items())
        place = 0 if previous_item_id == ROOT else list(self._items).index(previous_item_id) + 1
        items.insert(place, (item.id, item))
        self._items = dict(items)
        self._sizes[item.id] = _size(item)
        return None if previous_item_id == ROOT else previous_item_id

    def get(self, item_id: str) -> Item | None:
        """Return the item of that id, if there is one."""
        return self._items.get(item_id)

    def before(self, item_id: str) -> str | None:
        """Return the id of the item in front of that one, if it is there and not the first."""
        previous: str | None = None
        for each in self._items:
            if each == item_id:
                return previous
            previous = each
        return None

    def update(self, item: Item) -> None:
        """Replace an item by a later state of itself, if it is still there; what was cut of it stays cut."""
        if item.id in self._items:
            self._items[item.id] = item
            self._sizes[item.id] = _size(item)
            if (heard := self._heard.get(item.id)) is not None:
                self.cut(item.id, heard)

    def delete(self, item_id: str) -> None:
        """Remove an item.

        Raises:
            ClientMistake: There is none of that id.
        """
        if item_id not in self._items:
            raise no_such_item("delete", item_id)
        self._forget(item_id)

    def forget_oldest(self, most: int = MAX_BYTES) -> list[str]:
        """Forget the oldest items until the rest hold at most so many bytes; return their ids. The last one stays."""
        forgotten: list[str] = []
        excess = sum(self._sizes.values()) - most
        for item_id in list(self._items)[:-1]:
            if excess <= 0:
                break
            excess -= self._sizes[item_id]
            self._forget(item_id)
            forgotten.append(item_id)
        return forgotten

    def _forget(self, item_id: str) -> None:
        for table in (self._items, self._sizes, self._heard, self._seconds):
            table.pop(item_id, None)

    def _calls(self, call_id: str) -> bool:
        return any(isinstance(item, FunctionCall) and item.call_id == call_id for item in self._items.values())

    def lasts(self, item_id: str, seconds: float) -> None:
        """Note how long the user's speech in an item lasts."""
        if item_id in self._items:
            self._seconds[item_id] = seconds

    def seconds(self, items: list[Item]) -> float:
        """Return how long the user's speech in these items lasts."""
        return sum(self._seconds.get(item.id, 0.0) for item in items)

    def transcribe(self, item_id: str, transcript: str) -> None:
        """Note what was said in the user's speech."""
        item = self._items.get(item_id)
        if item is not None:
            self._items[item_id] = with_transcript(item, transcript)

    def cut(self, item_id: str, heard: str) -> None:
        """Leave of the assistant's speech what was heard, also if more of it is to come."""
        item = self._items.get(item_id)
        if isinstance(item, Message):
            self._heard[item_id] = heard
            parts = tuple(replace(p, transcript=heard) if isinstance(p, OutputAudio) else p for p in item.content)
            self._items[item_id] = replace(item, content=parts)

    def items(self) -> list[Item]:
        """Return all items, in order."""
        return list(self._items.values())


def with_transcript(item: Item, transcript: str) -> Item:
    """Return an item of the user's with what was said in its speech."""
    if not isinstance(item, Message):
        return item
    parts = tuple(replace(p, transcript=transcript) if isinstance(p, InputAudio) else p for p in item.content)
    return replace(item, content=parts)


def turns(instructions: str, items: list[Item]) -> tuple[Turn, ...]:
    """Say to a language model what the conversation was: instructions first, then the items, tool calls as they are.

    The outputs of calls come right after the calls, wherever they stand: the user may have spoken in between, and
    providers accept no other order.
    """
    result: list[Turn] = []
    if instructions:
        result.append(Turn(role="system", parts=(TextPart(instructions),)))
    outputs = {item.call_id: item.output for item in items if isinstance(item, FunctionCallOutput)}
    calls: list[ToolCall] = []

    def say_calls() -> None:
        if calls:
            result.append(Turn(role="assistant", tool_calls=tuple(calls)))
            result.extend(
                Turn(role="tool", parts=(TextPart(outputs.get(call.id, PENDING)),), tool_call_id=call.id)
                for call in calls
            )
            calls.clear()

    for item in items:
        match item:
            case Message():
                parts = tuple(part for part in map(_part, item.content) if part is not None)
                if parts:
                    say_calls()
                    result.append(Turn(role=item.role, parts=parts))
            case FunctionCall():
                calls.append(ToolCall(item.call_id, item.name, item.arguments))  # several are called side by side
            case FunctionCallOutput():
                say_calls()
            case _:  # what an MCP server was asked stays between it and the client
                pass
    say_calls()
    return tuple(result)


def _size(item: Item) -> int:
    return len(msgspec.json.encode(item))


def _part(part: ContentPart) -> TextPart | ImagePart | None:
    match part:
        case InputText() | OutputText():
            return TextPart(part.text) if part.text else None
        case InputAudio():
            return TextPart(part.transcript) if part.transcript else None
        case OutputAudio():
            return TextPart(part.transcript) if isinstance(part.transcript, str) and part.transcript else None
        case InputImage():
            return ImagePart(part.image_url, part.detail)
