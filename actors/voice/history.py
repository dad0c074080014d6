"""The conversation of a session: its items in order, and what a model is told of them."""

from msgspec.structs import replace

from ..contracts import ImagePart, TextPart, ToolCall, Turn
from ..realtime.errors import item_exists, no_such_item, no_such_previous_item
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


class History:
    """Items in order. Ids are unique while an item is there, and free again when it is deleted."""

    def __init__(self) -> None:
        self.id = new_conversation_id()
        self._items: dict[str, Item] = {}

    def __len__(self) -> int:
        return len(self._items)

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    def add(self, item: Item, previous_item_id: str | None = None) -> str | None:
        """Add an item after another, in front of all for ``root``, or at the end; return the id it stands after.

        Raises:
            ClientMistake: An item has that id already, or there is none to stand after.
        """
        if item.id in self._items:
            raise item_exists(item.id)
        if previous_item_id is None:
            previous = next(reversed(self._items), None)
            self._items[item.id] = item
            return previous
        if previous_item_id != ROOT and previous_item_id not in self._items:
            raise no_such_previous_item(previous_item_id)
        items = list(self._items.items())
        place = 0 if previous_item_id == ROOT else list(self._items).index(previous_item_id) + 1
        items.insert(place, (item.id, item))
        self._items = dict(items)
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
        """Replace an item by a later state of itself, if it is still there."""
        if item.id in self._items:
            self._items[item.id] = item

    def delete(self, item_id: str) -> None:
        """Remove an item.

        Raises:
            ClientMistake: There is none of that id.
        """
        if self._items.pop(item_id, None) is None:
            raise no_such_item("delete", item_id)

    def transcribe(self, item_id: str, transcript: str) -> None:
        """Note what was said in the user's speech."""
        item = self._items.get(item_id)
        if isinstance(item, Message):
            parts = tuple(replace(p, transcript=transcript) if isinstance(p, InputAudio) else p for p in item.content)
            self._items[item_id] = replace(item, content=parts)

    def cut(self, item_id: str, heard: str) -> None:
        """Leave of the assistant's speech what was heard."""
        item = self._items.get(item_id)
        if isinstance(item, Message):
            parts = tuple(replace(p, transcript=heard) if isinstance(p, OutputAudio) else p for p in item.content)
            self._items[item_id] = replace(item, content=parts)

    def items(self) -> list[Item]:
        """Return all items, in order."""
        return list(self._items.values())


def turns(instructions: str, items: list[Item]) -> tuple[Turn, ...]:
    """Say to a language model what the conversation was: instructions first, then the items, tool calls as they are."""
    result: list[Turn] = []
    if instructions:
        result.append(Turn(role="system", parts=(TextPart(instructions),)))
    for item in items:
        match item:
            case Message():
                parts = tuple(part for part in map(_part, item.content) if part is not None)
                if parts:
                    result.append(Turn(role=item.role, parts=parts))
            case FunctionCall():
                call = ToolCall(item.call_id, item.name, item.arguments)
                last = result[-1] if result else None
                if last is not None and last.role == "assistant" and last.tool_calls:  # called side by side
                    result[-1] = replace(last, tool_calls=(*last.tool_calls, call))
                else:
                    result.append(Turn(role="assistant", tool_calls=(call,)))
            case FunctionCallOutput():
                result.append(Turn(role="tool", parts=(TextPart(item.output),), tool_call_id=item.call_id))
            case _:  # what an MCP server was asked stays between it and the client
                pass
    return tuple(result)


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
