"""The root of the command line: every command is registered here."""

import sys
from collections.abc import Sequence
from typing import Final

from cyclopts import App, CycloptsError

from .failing import MISCONFIGURED

COMMANDS: Final = {
    "serve": "Start the voice server.",
    "talk": "Talk with a server: microphone and loudspeaker, recordings, or typed lines.",
    "chat": "Ask a language model, or talk with it in writing.",
    "say": "Say a text, into a file or aloud.",
    "transcribe": "Write down what is said in recordings and videos.",
    "providers": "Show which providers there are, and how they do.",
    "status": "Show the actors of a server, live.",
    "replay": "Replay a recorded session without a network, and show where its time went.",
    "models": "Show which models there are, or fetch local ones.",
    "bench": "Measure what a server costs, and what it makes people wait for.",
    "service": "Run services in containers.",
    "wire": "Run a server that stands in for a provider.",
    "demo": "Watch a supervision tree that crashes and heals.",
}
"""Each is in the module of its name; only what is called is imported, as a server takes a second to load."""

app = App(name="troupe", help="Realtime voice and media AI on supervised actors.")
for command, purpose in COMMANDS.items():
    app.command(f"{__package__}.{command}:{command}", name=command, help=purpose)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the ``troupe`` command; the process exits with the command's status.

    Args:
        arguments: Those of the command; the process's own if not given.
    """
    try:
        app(arguments, exit_on_error=False)
    except CycloptsError:  # it has been printed
        sys.exit(MISCONFIGURED)
