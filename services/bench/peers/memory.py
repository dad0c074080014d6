"""Memory of processes that share pages with each other, as those do that were forked from one."""

import re
from contextlib import suppress
from pathlib import Path

from ..processes import family


def proportional(pid: int) -> int:
    """Return the bytes that a process and all it has started hold, each page divided among those who share it (PSS).

    Linux only; see ``smaps_rollup`` in proc_pid_smaps(5). 0 for processes that are gone.
    """
    total = 0
    for each in family([pid]):
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if found := re.search(r"^Pss:\s+(\d+) kB", Path(f"/proc/{each}/smaps_rollup").read_text(), re.MULTILINE):
                total += int(found[1]) * 1024
    return total
