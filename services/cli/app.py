"""The root of the command line: every command is registered here."""

import sys
from collections.abc import Sequence

from cyclopts import App, CycloptsError

from .demo import demo
from .failing import MISCONFIGURED
from .models import models
from .serve import serve
from .status import status
from .talk import talk
from .wire import wire

app = App(name="troupe", help="Realtime voice and media AI on supervised actors.")
app.command(serve)
app.command(talk)
app.command(status)
app.command(models)
app.command(demo)
app.command(wire)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the ``troupe`` command; the process exits with the command's status.

    Args:
        arguments: Those of the command; the process's own if not given.
    """
    try:
        app(arguments, exit_on_error=False)
    except CycloptsError:  # it has been printed
        sys.exit(MISCONFIGURED)
