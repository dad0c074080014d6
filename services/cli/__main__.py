"""``python -m troupe.services.cli``: the ``troupe`` command where it is not on the path."""

from .app import main

main()
