"""The root of the command line: every command is registered here."""

from cyclopts import App

app = App(name="troupe", help="Realtime voice and media AI on supervised actors.")


def main() -> None:
    """Run the ``troupe`` command; the process exits with the command's status."""
    app()
