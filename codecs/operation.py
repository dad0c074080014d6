"""Operations that make a file out of files: in this process, or, for assets with a sandbox, inside it.

An operation is a function of assets, a request and a binary file that it writes. In a sandbox all of it runs in one
child: reading, decoding, filtering, encoding; only the finished file comes back. A child is given one descriptor, so
several files travel in one, one behind the other.
"""

import io
import os
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Generic, TypeAlias, TypeVar

import msgspec

from .asset import Asset, load
from .errors import SandboxDied
from .formats import by_name
from .limits import Limits
from .sandbox import Sandbox
from .source import ReadAt, Source

R = TypeVar("R", bound=msgspec.Struct)
S = TypeVar("S")
Target: TypeAlias = str | os.PathLike[str]
"""Where a result goes."""

_PIECE = 1 << 20


class _Input(msgspec.Struct, frozen=True):
    """What a child has to know of a file."""

    format: str
    size: int
    limits: Limits


class _Order(msgspec.Struct, frozen=True):
    """What a child is to do."""

    inputs: list[_Input]
    request: msgspec.Raw


class Operation(Generic[R, S]):
    """An operation. It is kept in a module's global variable, under which children find it.

    Args:
        place: ``module:variable`` where it is kept.
        request: the type of its requests.
        remark: the type of what it tells about its result.
        function: ``function(assets, request, file)`` does the work, and returns the remark. The assets have no sandbox;
            the file can seek.
    """

    def __init__(
        self,
        place: str,
        request: type[R],
        remark: type[S],
        function: Callable[[Sequence[Asset], R, BinaryIO], S],
    ) -> None:
        self._place = place
        self._request = request
        self._remark = remark
        self._function = function

    def perform(self, assets: Sequence[Asset], request: R, to: Target | None) -> tuple[Asset, S]:
        """Do it, and return what was made, and the remark.

        What is made of untrusted files is untrusted, too: it keeps the sandbox, and may cost as much as they may
        together.

        Args:
            assets: what it works on. If one of them has a sandbox, all is done there.
            request: what to do.
            to: where the result goes: a path, or None for memory. What is at that path is replaced at the end, if
                nothing has failed.

        Raises:
            CodecError: what the operation raises.
            SandboxDied: if the sandbox's child crashed, or needed too much memory: the whole result lies in it, and
                ``limits.memory`` bounds it.
            TooSlow: if the time was up. In a sandbox, ``limits.cpu`` and ``limits.wall`` of all files together are for
                all of the work, encoding included.
            OSError: if a file can't be read or written.
        """
        sandbox = next((asset.sandbox for asset in assets if asset.sandbox is not None), None)
        limits = _together([asset.limits for asset in assets])
        if to is None:
            memory = io.BytesIO()
            remark = self._write(sandbox, assets, request, limits, memory)
            return _made(memory.getbuffer(), limits, sandbox), remark
        path = Path(to)
        with _replacing(path) as file:
            remark = self._write(sandbox, assets, request, limits, file)
        return _made(path, limits, sandbox), remark

    def _write(self, sandbox: Sandbox | None, assets: Sequence[Asset], request: R, limits: Limits, file: BinaryIO) -> S:
        if sandbox is None:
            return self._function(assets, request, file)
        inputs = [_Input(asset.format.name, asset.size, asset.limits) for asset in assets]
        order = msgspec.msgpack.encode(_Order(inputs, msgspec.Raw(msgspec.msgpack.encode(request))))
        with (
            _joined([asset.source for asset in assets]) as source,
            closing(sandbox.run(self._place, source, order, limits)) as pieces,
        ):
            try:
                remark = msgspec.msgpack.decode(next(pieces, b""), type=self._remark)
            except msgspec.DecodeError as error:
                raise SandboxDied("the child's answer makes no sense") from error
            left = limits.memory  # more than that an honest child can't have made
            for piece in pieces:
                left -= len(piece)
                if left < 0:
                    raise SandboxDied("the child's answer is larger than its memory")
                file.write(piece)
        return remark

    def __call__(self, source: Source, request: bytes, _limits: Limits) -> Iterator[bytes]:
        """Do it as a job in a child, where each file has its own limits: yield the remark, then the result."""
        order = msgspec.msgpack.decode(request, type=_Order)
        assets: list[Asset] = []
        start = 0
        for known in order.inputs:
            part = _Part(source.place, known.size, start)
            assets.append(Asset(part, by_name(known.format), known.limits))
            start += known.size
        memory = io.BytesIO()
        remark = self._function(assets, msgspec.msgpack.decode(order.request, type=self._request), memory)
        yield msgspec.msgpack.encode(remark)
        made = memory.getbuffer()
        for offset in range(0, len(made), _PIECE):
            yield bytes(made[offset : offset + _PIECE])


class _Part(Source, frozen=True, eq=False):
    """One of several files that lie behind each other."""

    start: int

    @contextmanager
    def opened(self) -> Generator[ReadAt]:
        """Open for reading."""
        with super().opened() as read_at:
            yield lambda length, offset: read_at(max(0, min(length, self.size - offset)), self.start + offset)


@contextmanager
def _joined(sources: Sequence[Source]) -> Generator[Source]:
    """Put several files into one; a single one stays where it is."""
    if len(sources) == 1:
        yield sources[0]
        return
    with tempfile.TemporaryFile(buffering=0) as file:
        for source in sources:
            with source.opened() as read_at:
                for offset in range(0, source.size, _PIECE):
                    file.write(read_at(min(_PIECE, source.size - offset), offset))
        yield Source(file.fileno(), file.tell())


def _together(limits: Sequence[Limits]) -> Limits:
    """Return what several files may cost together."""
    sums = {name: sum(getattr(each, name) for each in limits) for name in ("bytes", "duration", "cpu", "wall")}
    most = {name: max(getattr(each, name) for each in limits) for name in Limits.__struct_fields__ if name not in sums}
    return Limits(**sums, **most)


def _made(what: memoryview | Path, limits: Limits, sandbox: Sandbox | None) -> Asset:
    size = what.stat().st_size if isinstance(what, Path) else len(what)
    return load(what, limits=msgspec.structs.replace(limits, bytes=max(size, limits.bytes)), sandbox=sandbox)


@contextmanager
def _replacing(path: Path) -> Generator[BinaryIO]:
    """Open a new file beside `path`; it takes that path's place when all went well, else it is removed."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}")
    try:
        with unfinished.open("w+b") as file:
            yield file
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
