"""What a locked-down process can't do, tried in processes of their own."""

import platform
import subprocess
import sys
import textwrap

import pytest

LINUX = sys.platform == "linux" and platform.machine() in {"x86_64", "aarch64"}
needs_seccomp = pytest.mark.skipif(not LINUX, reason="seccomp is set up on Linux on x86-64 and AArch64")


def attempt(statement: str, *, memory: int = 2**26, cpu: float = 5) -> subprocess.CompletedProcess[str]:
    """Lock a new process down, run the statement in it, print its value or its error's name."""
    program = textwrap.dedent(f"""
        import mmap, os, socket, sys, threading
        from troupe.codecs.lockdown import lock_down
        descriptor = os.open("/dev/null", os.O_RDONLY)
        enforced = sorted(lock_down({memory}, {cpu}))
        try:
            value = {statement}
        except (OSError, RuntimeError, MemoryError) as error:
            value = type(error).__name__
        print(value, flush=True)
        os._exit(0)
    """)
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)


FORBIDDEN = {
    "open a file": "open('/etc/passwd')",
    "open it for writing": "os.open('/tmp', os.O_RDWR | os.O_TMPFILE)",
    "look at a file": "os.stat('/etc/passwd')",
    "list a folder": "os.listdir('/')",
    "make a socket": "socket.socket()",
    "fork": "os.fork()",
    "run a program": "os.execv('/bin/true', ['true'])",
    "signal its parent": "os.kill(os.getppid(), 0)",
    "signal itself": "os.kill(os.getpid(), 15)",
    "duplicate a descriptor": "os.dup(descriptor)",
    "map memory as code": "mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC)",
}


@needs_seccomp
@pytest.mark.parametrize("statement", FORBIDDEN.values(), ids=FORBIDDEN)
def test_forbidden(statement):
    assert attempt(statement).stdout.strip() in {"PermissionError", "OSError"}


@needs_seccomp
def test_no_thread():
    assert attempt("threading.Thread(target=print).start()").stdout.strip() == "RuntimeError"


def test_memory_is_limited_and_enough_of_it_is_left():
    if sys.platform == "linux":
        assert attempt("len(bytearray(2**27))").stdout.strip() == "MemoryError"
    assert attempt("len(bytearray(2**25))").stdout.strip() == str(2**25)


def test_cpu_time_is_limited():
    assert attempt("any(iter(int, 1))", cpu=0.5).returncode < 0  # SIGXCPU, or SIGKILL after it


def test_what_is_open_can_be_read_and_computed_with():
    assert attempt("os.read(descriptor, 9), sum(range(10))").stdout.strip() == "(b'', 45)"


@needs_seccomp
def test_says_what_is_enforced():
    assert attempt("enforced").stdout.strip() == "['limits', 'memory', 'no-new-privileges', 'seccomp']"
