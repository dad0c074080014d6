"""Taking this process's rights away, for good: what a sandboxed child does before it looks at a file.

Nothing here needs privileges. On every POSIX system there are resource limits: CPU time, address space (Linux only),
size of files (none), new descriptors (none), core dumps (none). On Linux the process can gain no privileges any more
and can't be inspected; and on x86-64 and AArch64 a seccomp filter leaves it the system calls that computing needs, and
reading, writing and closing what is open already. It can open no file, make no socket, start no thread or process,
signal nobody, and map no memory as code.
"""

import ctypes
import platform
import resource
import struct
import sys
from pathlib import Path

PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 4, 22, 38  # linux/prctl.h
SECCOMP_MODE_FILTER = 2  # linux/seccomp.h
SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_ERRNO, SECCOMP_RET_ALLOW = 0x8000_0000, 0x0005_0000, 0x7FFF_0000
EPERM = 1
PROT_EXEC = 4

_MACHINES = {"x86_64": (0, 0xC000_003E), "aarch64": (1, 0xC000_00B7)}  # column below, AUDIT_ARCH_*
_ALLOWED = {  # asm/unistd_64.h and asm-generic/unistd.h
    "read": (0, 63),
    "write": (1, 64),
    "close": (3, 57),
    "fstat": (5, 80),
    "lseek": (8, 62),
    "munmap": (11, 215),
    "brk": (12, 214),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "pread64": (17, 67),
    "sched_yield": (24, 124),
    "mremap": (25, 216),
    "madvise": (28, 233),
    "nanosleep": (35, 101),
    "getpid": (39, 172),
    "exit": (60, 93),
    "gettid": (186, 178),
    "futex": (202, 98),
    "restart_syscall": (219, 128),
    "clock_gettime": (228, 113),
    "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115),
    "exit_group": (231, 94),
    "getrandom": (318, 278),
}
_MAPPING = {"mmap": (9, 222), "mprotect": (10, 226)}  # allowed unless the memory is to be executable

_libc = ctypes.CDLL(None, use_errno=True)


def lock_down(memory: int, cpu: float) -> frozenset[str]:
    """Give up all rights but computing with what is open; there is no way back.

    Args:
        memory: bytes of address space that may be added to the present ones.
        cpu: seconds of CPU time, of this process since it began, before the kernel ends it.

    Returns:
        What is enforced from now on: ``limits``, and where the system has it ``memory``, ``no-new-privileges`` and
        ``seccomp``.
    """
    enforced = {"limits"}
    if sys.platform == "linux":
        present = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (present + memory, present + memory))
        enforced.add("memory")
    seconds = int(cpu) + 1  # the child's own check comes first, with a better error
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    for kind in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        resource.setrlimit(kind, (0, 0))
    if sys.platform == "linux" and _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0:
        _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        enforced.add("no-new-privileges")
        if _filter_system_calls():
            enforced.add("seccomp")
    return frozenset(enforced)


def _filter_system_calls() -> bool:
    """Install the seccomp filter; False where this system has none or the table above doesn't know the machine."""
    if platform.machine() not in _MACHINES:
        return False
    column, architecture = _MACHINES[platform.machine()]
    program = _program(
        architecture,
        allowed=[numbers[column] for numbers in _ALLOWED.values()],
        mapping=[numbers[column] for numbers in _MAPPING.values()],
    )
    code = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HP", len(program) // 8, ctypes.addressof(code))  # struct sock_fprog
    return int(_libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0)) == 0


def _program(architecture: int, allowed: list[int], mapping: list[int]) -> bytes:
    """Assemble the filter: classic BPF over ``struct seccomp_data``, 8 bytes per instruction."""
    load, equal, any_bit, answer = 0x20, 0x15, 0x45, 0x06
    refuse = SECCOMP_RET_ERRNO | EPERM
    tests = len(mapping) + len(allowed)
    lines: list[tuple[int, int, int, int]] = [
        (load, 0, 0, 4),  # the architecture: numbers of another one mean other calls
        (equal, 1, 0, architecture),
        (answer, 0, 0, SECCOMP_RET_KILL_PROCESS),
        (load, 0, 0, 0),  # the number
        *((equal, tests - index, 0, number) for index, number in enumerate(mapping)),
        *((equal, tests - len(mapping) - index + 3, 0, number) for index, number in enumerate(allowed)),
        (answer, 0, 0, refuse),
        (load, 0, 0, 16 + 8 * 2),  # the third argument: protection
        (any_bit, 0, 1, PROT_EXEC),
        (answer, 0, 0, refuse),
        (answer, 0, 0, SECCOMP_RET_ALLOW),
    ]
    return b"".join(struct.pack("=HBBI", *line) for line in lines)
