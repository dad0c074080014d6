"""Containers of libav that are written: the counterpart of `gate`, for bytes that leave.

libav writes through a Python object, from C: what that raises would be lost or raised in the wrong place. So nothing is
raised there. What is to be streamed is collected in memory; what goes to a file stops at the first failure, which is
raised on this side.

libav's container and its streams refer to each other: one that is dropped unfinished would stay in memory until the
garbage collector came by, and would write its end then, into a file that may be somebody else's by now. So an output
that is not closed is given up: when its ``with`` block fails, or when it is dropped.

Everything is written bit-exact: no date, no random number, no version of a library. The same input makes the same file;
but for H.264, where once in a thousand times x264 makes a few bytes more or less, by what was in memory before: its
macroblock tree does, with plain PyAV, too.
"""

import os
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager, suppress
from fractions import Fraction
from types import TracebackType
from typing import Any, BinaryIO, Self

import av
import av.error
import av.stream

from .errors import UnsupportedFormat
from .gate import Packet, libav_errors

_LIVE_BUFFER = 4096
_BUFFER = 256 * 1024
_INDEXED = frozenset({"mp4", "mov", "ipod"})
"""Containers with an index that libav, left to itself, puts behind all else."""


class _Collector:
    """What libav writes to when nothing can be corrected later: it has no ``seek``.

    Attributes:
        closed: whether it is given up; PyAV then leaves out the end.
    """

    def __init__(self) -> None:
        self.closed = False
        self._parts: list[bytes] = []

    def write(self, data: Any) -> int:
        """Keep a copy."""
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        """Return what was written since the last time."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


class _Writer:
    """What libav writes to when there is a file in which it can go back.

    Attributes:
        closed: whether it is given up: nothing is written any more, and PyAV leaves out the end.
        failure: what the file has raised; nothing is written any more either.
    """

    def __init__(self, file: BinaryIO) -> None:
        self.closed = False
        self._file = file
        self._start = self._end = file.tell()
        self.failure: BaseException | None = None

    def write(self, data: Any) -> int:
        """Write to the file, unless that has failed."""
        if self.failure is None and not self.closed:
            with self._failing_later():
                self._file.write(data)
                self._end = max(self._end, self._file.tell())
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, and return the new position."""
        start = self._start if whence == os.SEEK_SET else 0
        return self._file.seek(start + offset, whence) - self._start

    def tell(self) -> int:
        """Return the position."""
        return self._file.tell() - self._start

    def go_to_end(self) -> None:
        """Move behind all that was written."""
        self._file.seek(self._end)

    def reread(self, _name: str, _flags: int, _options: object) -> "_Rereader":
        """Open what was written for reading, as libav asks for it."""
        return _Rereader(self)

    def read_at(self, position: int, length: int) -> bytes:
        """Return at most `length` bytes of what was written, unless that fails; the position stays."""
        data = b""
        if self.failure is None:
            with self._failing_later():
                place = self._file.tell()
                self._file.seek(self._start + position)
                data = self._file.read(length)
                self._file.seek(place)
        return data

    @contextmanager
    def _failing_later(self) -> Generator[None]:
        try:
            yield
        except BaseException as failure:
            self.failure = failure


class _Rereader:
    """What libav reads from when it moves back what it has written, so that the index of an MP4 file gets in front."""

    def __init__(self, writer: _Writer) -> None:
        self._writer = writer
        self._position = 0

    def read(self, length: int) -> bytes:
        """Return at most `length` bytes."""
        data = self._writer.read_at(self._position, length)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move, and return the new position."""
        self._position = offset + (self._position if whence == os.SEEK_CUR else 0)
        return self._position

    def tell(self) -> int:
        """Return the position."""
        return self._position


class Output:
    """A container that is written. It belongs to one thread; `close`, or leaving its ``with`` block, ends it.

    If the block fails, or if it is dropped without `close`, it is given up: nothing more is written, and all is freed.

    Args:
        muxer: libav's name of the container.
        options: of the muxer.
        file: where it goes, from its present position on: a binary file that can seek. If it can be read as well, the
            index of MP4 and QuickTime comes in front, so that they can be played before all of them has arrived. None
            for a stream: then `take` returns what was written.

    Raises:
        UnsupportedFormat: if this build of libav can't write the container.
    """

    def __init__(self, muxer: str, options: Mapping[str, str], file: BinaryIO | None = None) -> None:
        self._container: Any = None  # PyAV types what takes keyword arguments in part only
        self._collector = _Collector()
        self._writer = writer = None if file is None else _Writer(file)
        if writer is not None and file is not None and muxer in _INDEXED and file.readable():
            options = {"movflags": "+faststart", **options}
        try:
            self._container = av.open(
                self._writer or self._collector,
                "w",
                format=muxer,
                container_options={"fflags": "+bitexact", "flush_packets": "0" if file else "1", **options},
                buffer_size=_BUFFER if file else _LIVE_BUFFER,
                io_open=None if writer is None else writer.reread,
            )
        except ValueError as error:
            raise UnsupportedFormat(f"this build of libav can't write {muxer}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self.discard()

    def __del__(self) -> None:
        self.discard()

    def add_encoder(self, codec: str, options: Mapping[str, str], **settings: Any) -> Any:
        """Add a stream with an encoder of its own, in the calling thread.

        Args:
            codec: libav's name of the encoder.
            options: of the encoder.
            settings: attributes of the stream, such as ``rate`` and ``layout``, or ``width`` and ``height``.

        Returns:
            The stream; its type is that of the codec.

        Raises:
            UnsupportedFormat: if this build of libav lacks the encoder, or the container can't hold its codec.
        """
        try:
            stream = self._container.add_stream(codec, options={"flags": "+bitexact", **options}, **settings)
        except ValueError as error:  # PyAV's UnknownCodecError, and what the container can't hold
            raise UnsupportedFormat(f"{codec} can't be written into this container here") from error
        assert stream.codec_context is not None
        stream.codec_context.thread_count = 1
        return stream

    def add_copy(self, template: av.stream.Stream) -> av.stream.Stream:
        """Add a stream for packets of another container's stream, which are not encoded anew.

        Raises:
            UnsupportedFormat: if the container can't hold them.
        """
        try:
            stream: av.stream.Stream = self._container.add_stream_from_template(template, opaque=True)
        except ValueError as error:
            raise UnsupportedFormat("this container can't hold the codec; encode it anew") from error
        return stream

    def add_packets(self, codec: str, time_base: Fraction, **settings: Any) -> av.stream.Stream:
        """Add a stream for packets that come without a container.

        Raises:
            UnsupportedFormat: if the container can't hold them.
        """
        try:
            stream: av.stream.Stream = self._container.add_mux_stream(codec, **settings)
        except ValueError as error:
            raise UnsupportedFormat("this container can't hold the codec") from error
        stream.time_base = time_base
        return stream

    def write(self, packets: Iterable[Packet]) -> None:
        """Write packets, each of which knows its stream.

        Raises:
            BrokenMedia: if the container refuses one: times that go back, for instance.
            OSError: if the file can't be written.
        """
        with libav_errors():
            for packet in packets:
                self._container.mux_one(packet)
        self._check()

    def take(self) -> bytes:
        """Return what was written since the last time, if there is no file."""
        return self._collector.take()

    def close(self) -> None:
        """Write what is left and the end. A container to which nothing was written gets its header at least.

        Raises:
            OSError: if the file can't be written.
        """
        with libav_errors():
            self._container.start_encoding()
            self._container.close()
        self._check()
        if self._writer is not None:
            self._writer.go_to_end()

    def discard(self) -> None:
        """Give it up, unless it is closed: nothing more is written. It may be called more than once."""
        (self._writer or self._collector).closed = True
        if self._container is not None:
            with suppress(av.error.FFmpegError):  # of packets that still wait for their header
                self._container.close()

    def _check(self) -> None:
        if self._writer is not None and self._writer.failure is not None:
            raise self._writer.failure
