"""How a command ends that can't do what it was asked to."""

from typing import Final, NoReturn

from rich.console import Console
from rich.text import Text

MISCONFIGURED: Final = 2
"""The process's status where what was asked for makes no sense."""


def fail(text: str, status: int) -> NoReturn:
    """Say on standard error why, and end the process.

    Raises:
        SystemExit: Always, with the status.
    """
    Console(stderr=True).print(Text.assemble(("troupe: ", "bold red"), text), soft_wrap=True)
    raise SystemExit(status)
