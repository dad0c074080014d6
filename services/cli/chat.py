"""``troupe chat``: a conversation with a language model, typed."""

import sys
from pathlib import Path
from typing import Annotated

from anyio import to_thread
from cyclopts import Parameter
from rich.console import Console

from ...actors.contracts import Ended, TextDelta, TextPart, Turn
from ...actors.errors import ProviderError
from ..models import LanguageModel, open_model
from .running import run

HELP = "/clear forgets the conversation, /usage says what it took, /quit or Ctrl-D ends."


def chat(
    prompt: Annotated[str | None, Parameter(help="What to answer; without it, a conversation.")] = None,
    *,
    model: Annotated[str, Parameter(help="NAME or NAME/MODEL, a wish, or several with commas between.")] = "",
    system: Annotated[str, Parameter(help="What the model is to be.", show_default=False)] = "",
    max_tokens: Annotated[int | None, Parameter(help="The longest answer.")] = None,
    config: Annotated[Path | None, Parameter(help="Configuration file; else troupe.toml, if it is there.")] = None,
) -> None:
    """Ask a language model: one question given here or on standard input, or a conversation in the terminal.

    Answers are written to standard output as they come, and nothing else is, so they can go into a pipe.
    """
    if prompt is None and not sys.stdin.isatty():
        prompt = sys.stdin.read()

    async def talk() -> None:
        async with open_model(model, LanguageModel, config=config) as mind:
            conversation = Conversation(mind, system, max_tokens)
            if prompt is not None:
                await conversation.ask(prompt)
            else:
                await conversation.run()

    run(talk)


class Conversation:
    """What was said so far.

    Args:
        mind: Who answers.
        system: What it is to be.
        max_tokens: Its longest answer.
    """

    def __init__(self, mind: LanguageModel, system: str, max_tokens: int | None) -> None:
        self._mind = mind
        self._system = system
        self._max_tokens = max_tokens
        self._turns: list[Turn] = []
        self._notes = Console(stderr=True, highlight=False, markup=False)

    async def run(self) -> None:
        """Answer line after line, until there are no more."""
        self._note(f"{self._mind.name}. {HELP}")
        while line := await to_thread.run_sync(_read_line, abandon_on_cancel=True):
            match line.strip():
                case "":
                    continue
                case "/quit":
                    return
                case "/clear":
                    self._turns.clear()
                    self._note("There was no conversation.")
                case "/usage":
                    used = await self._mind.usage()
                    cost = f", {used.cost:.4f} dollars" if used.cost else ""
                    self._note(f"{used.input_tokens} tokens read, {used.output_tokens} written{cost}")
                case command if command.startswith("/"):
                    self._note(f"There is no {command.split()[0]}. {HELP}")
                case text:
                    await self._try(text)

    async def _try(self, text: str) -> None:
        """Ask; an error is told, and the conversation is what it was before."""
        before = len(self._turns)
        try:
            await self.ask(text)
        except ProviderError as error:
            del self._turns[before:]
            self._note(f"\n{error}")

    async def ask(self, text: str) -> None:
        """Write the answer to a text as it comes.

        Raises:
            ProviderError: There is none.
        """
        self._turns.append(Turn(role="user", parts=(TextPart(text),)))
        said, reason = "", "stop"
        async with self._mind.stream(self._turns, system=self._system, max_tokens=self._max_tokens) as events:
            async for event in events:
                match event:
                    case TextDelta(more):
                        said += more
                        sys.stdout.write(more)
                        sys.stdout.flush()
                    case Ended():
                        reason = event.reason
                    case _:
                        pass
        sys.stdout.write("" if said.endswith("\n") else "\n")
        sys.stdout.flush()
        if reason != "stop":
            self._note(f"({reason})")
        self._turns.append(Turn(role="assistant", parts=(TextPart(said),)))

    def _note(self, text: str) -> None:
        self._notes.print(text, style="dim", soft_wrap=True)


def _read_line() -> str:
    try:
        return input("> ") + "\n"
    except EOFError:
        return ""
