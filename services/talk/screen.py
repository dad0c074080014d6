"""What a conversation looks like in a terminal, and in a pipe."""

from rich.console import Console
from rich.text import Text

from .dialogue import Latency, LineEnds, Said, Step, Trouble

_STYLES = {"you": "cyan", "troupe": "bold"}


class Screen:
    """Shows words as they come; a terminal gets colours, a pipe plain lines."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._line_is_open = False

    def show(self, step: Step) -> None:
        """Show what is to be seen of a step."""
        match step:
            case Said(who, text):
                if not self._line_is_open:
                    self._console.print(Text(f"{who:>6}  ", style="dim"), end="")
                    self._line_is_open = True
                    text = text.lstrip()
                self._console.print(Text(text, style=_STYLES.get(who, "")), end="", soft_wrap=True)
            case LineEnds(cut):
                self._end(" [cut off]" if cut else "")
            case Latency():
                self._end()
                named = (("understood", step.transcript), ("first words", step.token), ("first audio", step.audio))
                times = [f"{name} {1000 * seconds:.0f} ms" for name, seconds in named if seconds is not None]
                if times:
                    self._console.print(Text(f"        {' · '.join(times)}", style="dim"))
            case Trouble(text):
                self._end()
                self._console.print(Text(f"     !  {text}", style="red"))
            case _:
                pass

    def note(self, text: str) -> None:
        """Say something that is no part of the conversation."""
        self._end()
        self._console.print(Text(f"        {text}", style="dim"))

    def _end(self, more: str = "") -> None:
        if self._line_is_open:
            self._console.print(Text(more, style="dim red"))
            self._line_is_open = False
