"""What the processes of a server use, read from ``/proc``: Linux only; elsewhere there is nothing to read."""

import ipaddress
import os
import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from .results import Usage

_PROC: Final = Path("/proc")
_LISTENS: Final = "0A"
_GONE: Final = (FileNotFoundError, ProcessLookupError, PermissionError)


class _Used(NamedTuple):
    cpu: float
    memory: int
    threads: int
    descriptors: int
    switches: int


class Processes:
    """A server's processes, with all that they have started.

    Args:
        roots: process ids.
    """

    def __init__(self, roots: list[int]) -> None:
        self._roots = roots
        self._cpu: dict[int, float] = {}
        """Of each, also of those that have ended: what they used was used."""
        self._before = 0.0
        self._start = 0.0

    def begin(self, now: float) -> None:
        """Count time and CPU from now on."""
        self.look(now)
        self._start, self._before = now, sum(self._cpu.values())

    def look(self, now: float) -> Usage:
        """Return what they use, and have used since the beginning."""
        used: list[_Used] = []
        for pid in family(self._roots):
            with suppress(*_GONE):
                used.append(_used(pid))
                self._cpu[pid] = used[-1].cpu
        return Usage(
            at=now - self._start,
            cpu=sum(self._cpu.values()) - self._before,
            memory=sum(each.memory for each in used),
            threads=sum(each.threads for each in used),
            descriptors=sum(each.descriptors for each in used),
            switches=sum(each.switches for each in used),
        )


def listening(port: int) -> list[int]:
    """Return the processes that listen on a port of this machine, as far as this user may see them."""
    sockets = {f"socket:[{inode}]" for inode in _listening_sockets(port)}
    found: list[int] = []
    for folder in _PROC.glob("[0-9]*/fd") if sockets else ():
        with suppress(*_GONE):
            if any(str(entry.readlink()) in sockets for entry in folder.iterdir()):
                found.append(int(folder.parent.name))
    return sorted(found)


def is_here(host: str) -> bool:
    """Whether a host's name is one of this machine's, on the loopback interface."""
    try:
        addresses = {str(told[4][0]) for told in socket.getaddrinfo(host, None)}
    except socket.gaierror:
        return False
    return all(ipaddress.ip_address(address).is_loopback for address in addresses)


def family(roots: list[int]) -> set[int]:
    """Return processes with all that they, and those in turn, have started."""
    children: dict[int, list[int]] = {}
    for stat in _PROC.glob("[0-9]*/stat"):
        with suppress(*_GONE):
            children.setdefault(int(_fields(stat)[1]), []).append(int(stat.parent.name))
    found, new = set[int](), list(roots)
    while new:
        pid = new.pop()
        if pid not in found:
            found.add(pid)
            new += children.get(pid, [])
    return found


def _used(pid: int) -> _Used:
    folder = _PROC / str(pid)
    fields = _fields(folder / "stat")
    status = dict(re.findall(r"^(\w+):\s+(\d+)", (folder / "status").read_text(), re.MULTILINE))
    return _Used(
        cpu=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        memory=int(status.get("VmRSS", 0)) * 1024,
        threads=int(status.get("Threads", 0)),
        descriptors=sum(1 for _ in (folder / "fd").iterdir()),
        switches=int(status.get("voluntary_ctxt_switches", 0)),
    )


def _fields(stat: Path) -> list[str]:
    """Return what follows the name, which may hold anything: the state is the first of them, the parent the second."""
    return stat.read_text().rpartition(")")[2].split()


def _listening_sockets(port: int) -> set[str]:
    inodes: set[str] = set()
    for table in ("tcp", "tcp6"):
        with suppress(FileNotFoundError):
            for line in (_PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == _LISTENS and int(fields[1].rpartition(":")[2], 16) == port:
                    inodes.add(fields[9])
    return inodes
