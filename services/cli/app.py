"""The root of the command line: every command is registered here."""

from cyclopts import App

from .demo import demo
from .serve import serve

app = App(name="troupe", help="Realtime voice and media AI on supervised actors.")
app.command(serve)
app.command(demo)


def main() -> None:
    """Run the ``troupe`` command; the process exits with the command's status."""
    app()
