"""Wire servers in processes of their own."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def wire(provider: str) -> Iterator[str]:
    """Run the wire server of a provider; give its address, without a path."""
    command = [sys.executable, "-m", "troupe.services.cli", "wire", provider, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
