import gc
import os
import resource
import signal
import threading
import time
from pathlib import Path

import pytest
from troupe.codecs.asset import load
from troupe.codecs.decode import read_audio
from troupe.codecs.errors import BrokenMedia, CodecError, SandboxDied, TooLong, TooManyPixels, TooSlow
from troupe.codecs.limits import Limits
from troupe.codecs.sandbox import Sandbox
from troupe.codecs.source import Source, source_of

JOBS = """
import ctypes, itertools, os, signal
from troupe.codecs.errors import BrokenMedia, TooManyPixels

def echo(source, request, limits):
    with source.opened() as read_at:
        yield read_at(source.size, 0)
    yield request

def answer(source, request, limits):
    yield request

def numbers(source, request, limits):
    for number in range(int(request)):
        yield number.to_bytes(4, "big")

def endless(source, request, limits):
    for number in itertools.count():
        yield bytes(100_000)

def broken(source, request, limits):
    yield b"first"
    raise BrokenMedia("on purpose")

def pixels(source, request, limits):
    raise TooManyPixels("on purpose", 7)
    yield b""

def bug(source, request, limits):
    raise KeyError("secret content")
    yield b""

def crash(source, request, limits):
    ctypes.string_at(0)
    yield b""

def hungry(source, request, limits):
    yield bytes(2**30)

def spin(source, request, limits):
    while True:
        pass
    yield b""

def sleep(source, request, limits):
    signal.pause() if request else __import__("time").sleep(1000)
    yield b""

def lie(source, request, limits):
    os.write(int(request), b"\\0" + b"\\xff" * 4)
    yield b""

def environment(source, request, limits):
    yield repr(dict(os.environ)).encode()

def descriptors(source, request, limits):
    found = []
    for number in range(64):
        try:
            os.lseek(number, 0, 1)
            found.append(number)
        except OSError as error:
            if error.errno != 9:
                found.append(number)
    yield repr(found).encode()

def import_late(source, request, limits):
    import colorsys
    yield b""
"""
SOURCE = Source(memoryview(b"content"), 7)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "sandbox_jobs.py").write_text(JOBS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        patch.setenv("SECRET_KEY", "sk-secret")
        with Sandbox(preload=("troupe.codecs.decode", "sandbox_jobs")) as sandbox:
            yield sandbox


def run(sandbox, job, request=b"", limits=None, source=SOURCE):
    return [bytes(piece) for piece in sandbox.run(f"sandbox_jobs:{job}", source, request, limits or Limits())]


def test_content_and_request_get_in_and_answers_out(sandbox, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content of a file")
    assert run(sandbox, "echo", b"request") == [b"content", b"request"]
    assert run(sandbox, "echo", source=source_of(path, Limits())) == [b"content of a file", b""]
    with path.open("rb") as file:
        assert run(sandbox, "echo", source=Source(file.fileno(), 7)) == [b"content", b""]
    assert run(sandbox, "numbers", b"1000") == [number.to_bytes(4, "big") for number in range(1000)]


def test_errors_of_the_job_come_back_as_what_they_are(sandbox):
    answer = sandbox.run("sandbox_jobs:broken", SOURCE, b"", Limits())
    assert next(answer) == b"first"
    with pytest.raises(BrokenMedia, match="on purpose"):
        next(answer)
    with pytest.raises(TooManyPixels) as caught:
        run(sandbox, "pixels")
    assert caught.value.limit == 7


def test_a_bug_in_the_job_is_named_without_its_content(sandbox):
    with pytest.raises(SandboxDied, match="KeyError") as caught:
        run(sandbox, "bug")
    assert "secret" not in str(caught.value)


def test_a_crash_is_reported_with_its_signal(sandbox):
    with pytest.raises(SandboxDied, match="SIGSEGV"):
        run(sandbox, "crash")


def test_too_much_memory(sandbox):
    with pytest.raises(SandboxDied, match="memory"):
        run(sandbox, "hungry", limits=Limits(memory=2**28))


def test_too_much_cpu_time_is_ended_by_the_kernel(sandbox):
    with pytest.raises(TooSlow, match="CPU"):
        run(sandbox, "spin", limits=Limits(cpu=0.01))


def test_too_much_wall_time_is_ended_by_the_parent(sandbox, monkeypatch):
    monkeypatch.setattr("troupe.codecs.sandbox._GRACE", 0.0)
    with pytest.raises(TooSlow, match="passed"):
        run(sandbox, "sleep", limits=Limits(wall=0.05))


def test_a_slow_consumer_is_not_the_childs_fault(sandbox, monkeypatch):
    monkeypatch.setattr("troupe.codecs.sandbox._GRACE", 0.0)
    answer = sandbox.run("sandbox_jobs:endless", SOURCE, b"", Limits(wall=0.4))
    for _ in range(5):
        assert len(next(answer)) == 100_000
        time.sleep(0.1)
    answer.close()


@pytest.fixture(scope="module")
def answer_descriptor(sandbox) -> bytes:
    """The number that the answer has in a child: the lower one of the two that are no standard streams."""
    (numbers,) = run(sandbox, "descriptors")
    return str(min(number for number in eval(numbers) if number > 2)).encode()


def test_an_answer_that_makes_no_sense_is_not_believed(sandbox, answer_descriptor):
    with pytest.raises(SandboxDied, match="no sense"):
        run(sandbox, "lie", answer_descriptor)


def test_nothing_of_the_parent_is_in_the_child(sandbox):
    (answer,) = run(sandbox, "environment")
    assert b"secret" not in answer
    (answer,) = run(sandbox, "descriptors")
    assert len(eval(answer)) == 5  # the standard streams, the answer and the file


def test_modules_are_loaded_before_the_doors_are_shut(sandbox):
    with pytest.raises(SandboxDied, match=r"ModuleNotFoundError|ImportError"):
        run(sandbox, "import_late")


def children(sandbox) -> list[int]:
    pid = sandbox._zygote._process.pid
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for_children(sandbox, count: int) -> None:
    deadline = time.monotonic() + 10
    while len(children(sandbox)) != count:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_leaving_the_answer_kills_the_child(sandbox):
    wait_for_children(sandbox, 0)
    answer = sandbox.run("sandbox_jobs:endless", SOURCE, b"", Limits())
    next(answer)
    assert len(children(sandbox)) == 1
    answer.close()
    wait_for_children(sandbox, 0)


def test_jobs_of_several_threads_run_side_by_side(sandbox):
    results: list[list[bytes]] = []
    threads = [
        threading.Thread(target=lambda: results.append(run(sandbox, "numbers", b"200")), daemon=True) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert results == [[number.to_bytes(4, "big") for number in range(200)]] * 8


def test_dead_zygote_is_replaced():
    with Sandbox() as sandbox:
        first = sandbox._running()
        os.kill(first._process.pid, signal.SIGKILL)
        first._process.wait()
        assert sandbox.enforced == first.enforced
        assert sandbox._zygote is not first
        first.close()


def test_zygote_that_does_not_start_and_module_that_is_not_there():
    with Sandbox(preload=["no_such_module"]) as sandbox, pytest.raises(SandboxDied, match="did not start"):
        _ = sandbox.enforced


def test_typed_answers(sandbox):
    assert sandbox.ask("sandbox_jobs:answer", SOURCE, b"\x07", Limits(), int) == 7
    for request in (b"\xa1x", b"\xc1", b""):
        with pytest.raises(SandboxDied, match="no sense"):
            sandbox.ask("sandbox_jobs:answer", SOURCE, request, Limits(), int)
    with pytest.raises(SandboxDied, match="no sense"):
        sandbox.ask("sandbox_jobs:numbers", SOURCE, b"0", Limits(), int)


@pytest.mark.parametrize("job", ["no_such_module:job", "sandbox_jobs:no_such_job"])
def test_job_that_is_not_there(sandbox, job):
    with pytest.raises(SandboxDied, match=r"ModuleNotFoundError|AttributeError"):
        list(sandbox.run(job, SOURCE, b"", Limits()))


def test_closing_ends_everything():
    sandbox = Sandbox()
    answer = sandbox.run("troupe.codecs.gate:probe_job", SOURCE, b"wav", Limits())
    with pytest.raises(CodecError):
        next(answer)
    zygote = sandbox._zygote
    sandbox.close()
    assert zygote._process.poll() == 0
    sandbox.close()


@pytest.mark.parametrize("name", ["wav", "flac", "mp3", "m4a", "ogg", "vorbis.ogg", "webm", "mp4", "mkv", "avi"])
def test_assets_are_the_same_inside_and_outside(sandbox, sample, name):
    inside, outside = load(sample(name), sandbox=sandbox), load(sample(name))
    assert inside.info == outside.info
    assert read_audio(inside) == read_audio(outside)


def test_limits_of_an_asset_hold_inside(sandbox, sample):
    with pytest.raises(TooLong):
        read_audio(load(sample("flac"), sandbox=sandbox, limits=Limits(duration=1)))


def test_parent_does_not_grow(sandbox, sample):
    data = sample("mp4").read_bytes()
    for _ in range(3):
        assert load(data, sandbox=sandbox).streams
    gc.collect()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(30):
        assert load(data, sandbox=sandbox).streams
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 5 * 1024
