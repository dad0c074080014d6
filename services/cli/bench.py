"""``troupe bench``: every measurement is a command of it."""

from typing import Final

from cyclopts import App

COMMANDS: Final = {
    "load": "Load a server with many sessions, and tell how it holds up.",
    "compare": "Say what differs between two reports, and what may be chance.",
    "page": "Write a report as a page with plots.",
    "peers": "Measure other frameworks under the same load as Troupe.",
    "chaos": "Let providers fail at random moments, and count what callers notice.",
    "micro": "Run the benchmarks of the parts, and keep their results.",
}
"""Each is in the module ``bench_`` and its name; only what is called is imported."""

bench = App(name="bench", help="Measure what a server costs, and what it makes people wait for.")
for command, purpose in COMMANDS.items():
    bench.command(f"{__package__}.bench_{command}:{command}", name=command, help=purpose)
