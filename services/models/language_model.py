"""Language models."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from math import inf
from typing import ClassVar, TypedDict, Unpack, overload

from msgspec import Struct

from ...actors.contracts import Ended, Generate, GenerationEvent, TextDelta, TextPart, ToolCall, ToolSpec, Turn
from ...actors.errors import BrokenStream
from ...codecs.asset import Asset
from ..kinds.kind import Work
from .content import Picture, image_part, text_of
from .model import Model

Conversation = Sequence[Turn]


class Wishes(TypedDict, total=False):
    """How to answer."""

    system: str
    """How to behave; it goes before the prompt or conversation."""
    tools: tuple[ToolSpec, ...]
    """On offer."""
    tool_choice: str
    """``auto``, ``none``, ``required``, or the name of a tool."""
    max_tokens: int | None
    """The longest answer."""
    temperature: float | None
    """How much chance there is in it."""


class Answer(Struct, frozen=True, kw_only=True):
    """What a language model said, as a whole."""

    text: str
    tool_calls: tuple[ToolCall, ...] = ()
    """The tools that it wants to have called."""
    ended: Ended
    """Why it ends, and what it used."""

    @property
    def turn(self) -> Turn:
        """The answer as a contribution to the conversation."""
        parts = (TextPart(self.text),) if self.text else ()
        return Turn(role="assistant", parts=parts, tool_calls=self.tool_calls)


class LanguageModel(Model):
    """Writes. What it is given is a prompt, a prompt with pictures, or a conversation."""

    work: ClassVar[Work] = "llm"
    capability: ClassVar[str] = "text-generation"

    @overload
    async def transform(self, prompt: str | Asset, /, *pictures: Picture, **wishes: Unpack[Wishes]) -> Answer: ...
    @overload
    async def transform(self, conversation: Conversation, /, **wishes: Unpack[Wishes]) -> Answer: ...
    async def transform(
        self, prompt: str | Asset | Conversation, /, *pictures: Picture, **wishes: Unpack[Wishes]
    ) -> Answer:
        """Return the answer.

        Args:
            prompt: What to answer: a text, or an asset that plays one; or the conversation to continue. If its last
                turn is the assistant's, that is the beginning of the answer.
            pictures: To look at beside the prompt.
            wishes: See `Wishes`.

        Raises:
            RoleError: The asset is no text, or a picture is none.
            OSError: A file can't be read.
            ProviderError: None of the providers could answer.
        """
        text, calls = "", list[ToolCall]()
        async with self._answering(prompt, pictures, wishes) as events:
            async for event in events:
                match event:
                    case TextDelta(more):
                        text += more
                    case ToolCall():
                        calls.append(event)
                    case Ended():
                        return Answer(text=text, tool_calls=tuple(calls), ended=event)
        raise BrokenStream(self.name, "it ended in the middle")

    @overload
    def stream(
        self, prompt: str | Asset, /, *pictures: Picture, **wishes: Unpack[Wishes]
    ) -> AbstractAsyncContextManager[AsyncIterator[GenerationEvent]]: ...
    @overload
    def stream(
        self, conversation: Conversation, /, **wishes: Unpack[Wishes]
    ) -> AbstractAsyncContextManager[AsyncIterator[GenerationEvent]]: ...
    def stream(
        self, prompt: str | Asset | Conversation, /, *pictures: Picture, **wishes: Unpack[Wishes]
    ) -> AbstractAsyncContextManager[AsyncIterator[GenerationEvent]]:
        """Give the answer as it is written: its text, its tool calls, and how it ended; see `transform`."""
        return self._answering(prompt, pictures, wishes)

    @asynccontextmanager
    async def _answering(
        self, prompt: str | Asset | Conversation, pictures: Sequence[Picture], wishes: Wishes
    ) -> AsyncGenerator[AsyncIterator[GenerationEvent]]:
        system = wishes.get("system", "")
        begin = (Turn(role="system", parts=(TextPart(system),)),) if system else ()
        request = Generate(
            turns=begin + await _turns(prompt, pictures),
            tools=wishes.get("tools", ()),
            tool_choice=wishes.get("tool_choice", "auto"),
            max_tokens=wishes.get("max_tokens"),
            temperature=wishes.get("temperature"),
        )
        async with self.ref.stream(request, timeout=inf) as events:
            yield events


async def _turns(prompt: str | Asset | Conversation, pictures: Sequence[Picture]) -> tuple[Turn, ...]:
    if not isinstance(prompt, str | Asset):
        if pictures:
            raise TypeError("pictures go beside a prompt; in a conversation they are parts of turns")
        return tuple(prompt)
    parts = [await image_part(picture) for picture in pictures]
    return (Turn(role="user", parts=(*parts, TextPart(await text_of(prompt)))),)
