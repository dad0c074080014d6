"""What a response is to be: the session's configuration, with what the client asked for this once."""

from dataclasses import dataclass

from msgspec import UNSET

from ..contracts import ToolSpec
from ..realtime.errors import no_such_item
from ..realtime.items import Item, ItemReference
from ..realtime.responses import ResponseOptions
from ..realtime.session_config import AudioFormat, MaxTokens, RealtimeSession, Truncation, name_of_voice
from ..realtime.tools import FunctionChoice, FunctionTool, Tool, ToolChoice
from .history import History


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One response, fully specified."""

    instructions: str
    items: tuple[Item | ItemReference, ...] | None
    """What the model is told instead of the conversation; None for the conversation as it is when generation begins."""
    truncation: Truncation
    in_conversation: bool
    """Whether the response becomes part of the conversation."""
    spoken: bool
    """Whether it is audio, or text alone."""
    format: AudioFormat
    voice: str
    speed: float
    tools: tuple[ToolSpec, ...]
    tool_choice: str
    max_output_tokens: MaxTokens
    metadata: dict[str, str] | None
    temperature: float | None


def plan(session: RealtimeSession, options: ResponseOptions, history: History) -> Plan:
    """Put a response together.

    Raises:
        ClientMistake: The input names an item that is not there.
    """
    output = session.audio.output
    asked = options.audio.output if options.audio is not None and options.audio.output is not None else None
    voice = (asked.voice if asked is not None else None) or output.voice
    modalities = options.output_modalities or session.output_modalities
    temperature = options.temperature if options.temperature is not None else session.temperature
    return Plan(
        instructions=session.instructions if options.instructions is None else options.instructions,
        items=None if options.input is None else tuple(_checked(each, history) for each in options.input),
        truncation=session.truncation,
        in_conversation=options.conversation != "none",
        spoken=modalities != ("text",),
        format=(asked.format if asked is not None else None) or output.format,
        voice=name_of_voice(voice),
        speed=output.speed,
        tools=_tools(session.tools if options.tools is None else options.tools),
        tool_choice=_choice(session.tool_choice if options.tool_choice is None else options.tool_choice),
        max_output_tokens=options.max_output_tokens or session.max_output_tokens,
        metadata=options.metadata,
        temperature=None if temperature is UNSET else temperature,
    )


def _checked(item: Item | ItemReference, history: History) -> Item | ItemReference:
    if isinstance(item, ItemReference) and item.id not in history:
        raise no_such_item("retrieve", item.id)
    return item


def _tools(tools: tuple[Tool, ...]) -> tuple[ToolSpec, ...]:
    """Return the functions; servers that the service would have to call itself are left out."""
    return tuple(
        ToolSpec(
            tool.name,
            tool.description if isinstance(tool.description, str) else "",
            tool.parameters if isinstance(tool.parameters, dict) else {},
        )
        for tool in tools
        if isinstance(tool, FunctionTool)
    )


def _choice(choice: ToolChoice) -> str:
    if isinstance(choice, str):
        return choice
    return choice.name if isinstance(choice, FunctionChoice) else "auto"
