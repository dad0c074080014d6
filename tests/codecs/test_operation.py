import os
from typing import BinaryIO

import msgspec
import pytest
from troupe.codecs.asset import load
from troupe.codecs.errors import BrokenMedia, SandboxDied
from troupe.codecs.limits import Limits
from troupe.codecs.operation import Operation
from troupe.codecs.sandbox import Sandbox


class Join(msgspec.Struct, frozen=True):
    between: bytes


def join(assets, request: Join, file: BinaryIO) -> list[int]:
    """Join files; tell their sizes, and how much each allows."""
    if any(asset.read() == b"broken" for asset in assets):
        file.write(b"half of")
        raise BrokenMedia("one of them is broken")
    file.write(b"text: ")
    for number, asset in enumerate(assets):
        with asset.source.opened() as read_at:
            file.write(request.between * bool(number) + read_at(1000, 0))
        assert asset.limits.duration == number + 1
    file.seek(0)
    file.write(b"TEXT")
    return [asset.size for asset in assets]


JOIN = Operation("test_operation:JOIN", Join, list[int], join)


@pytest.fixture(scope="module")
def sandbox(request):
    os.sys.path.insert(0, str(request.path.parent))  # children import this module
    with Sandbox(preload=["test_operation"]) as made:
        yield made
    os.sys.path.remove(str(request.path.parent))


def assets(sandbox=None, *contents: bytes):
    contents = contents or (b"one", b"and two", b"three")
    return [
        load(content, limits=Limits(duration=number), sandbox=sandbox) for number, content in enumerate(contents, 1)
    ]


def test_in_memory():
    made, remark = JOIN.perform(assets(), Join(b", "), None)
    assert made.read() == b"TEXT: one, and two, three"
    assert remark == [3, 7, 5]


def test_what_is_made_may_cost_what_its_files_may_together():
    limits = JOIN.perform(assets(), Join(b", "), None)[0].limits
    one = Limits()
    assert (limits.duration, limits.cpu, limits.wall) == (1 + 2 + 3, 3 * one.cpu, 3 * one.wall)
    assert (limits.pixels, limits.memory) == (one.pixels, one.memory)
    small = load(b"one", limits=Limits(bytes=3, duration=1))
    assert JOIN.perform([small], Join(b""), None)[0].read() == b"TEXT: one"


def test_in_a_sandbox(sandbox):
    made, remark = JOIN.perform(assets(sandbox), Join(b", "), None)
    assert made.read() == b"TEXT: one, and two, three"
    assert made.sandbox is sandbox  # an answer of a child is not trusted more than the file
    assert remark == [3, 7, 5]


def test_one_sandboxed_file_is_enough(sandbox):
    mixed = [*assets()[:1], *assets(sandbox)[1:]]
    assert JOIN.perform(mixed, Join(b"-"), None)[0].read() == b"TEXT: one-and two-three"
    assert JOIN.perform(assets(sandbox)[:1], Join(b""), None)[0].read() == b"TEXT: one"


def test_files(tmp_path, sandbox):
    for number, content in enumerate((b"one", b"two")):
        (tmp_path / str(number)).write_bytes(content)
    parts = [load(tmp_path / str(number), limits=Limits(duration=number + 1), sandbox=sandbox) for number in range(2)]
    made, _ = JOIN.perform(parts, Join(b"+"), tmp_path / "whole")
    assert made.source.place == tmp_path / "whole"
    assert (tmp_path / "whole").read_bytes() == b"TEXT: one+two"


@pytest.mark.parametrize("sandboxed", [False, True])
def test_what_fails_leaves_nothing_behind(tmp_path, sandbox, sandboxed):
    target = tmp_path / "whole"
    target.write_bytes(b"what was there before")
    with pytest.raises(BrokenMedia, match="one of them is broken"):
        JOIN.perform(assets(sandbox if sandboxed else None, b"broken"), Join(b""), target)
    assert target.read_bytes() == b"what was there before"
    assert list(tmp_path.iterdir()) == [target]


def test_a_path_that_can_not_be_written(tmp_path):
    with pytest.raises(FileNotFoundError):
        JOIN.perform(assets(), Join(b""), tmp_path / "no folder" / "whole")


class Wrong(Operation[Join, str]):
    """What a child that was taken over may answer."""


WRONG = Wrong("test_operation:JOIN", Join, str, join)


def flood(source, request, limits):
    yield msgspec.msgpack.encode([])
    while True:
        yield bytes(2**20)


FLOOD = Operation("test_operation:flood", Join, list[int], join)


def test_a_child_that_does_not_stop(sandbox):
    with pytest.raises(SandboxDied, match="larger than its memory"):
        FLOOD.perform([load(b"one", limits=Limits(memory=2**26), sandbox=sandbox)], Join(b""), None)


def test_an_answer_that_makes_no_sense(sandbox):
    with pytest.raises(SandboxDied, match="makes no sense"):
        WRONG.perform(assets(sandbox), Join(b""), None)
