"""Newline-delimited JSON, as it comes: bytes in, complete lines out, however the network cut them."""

from typing import Final

LONGEST_LINE: Final = 8 * 2**20
"""Bytes of one line; more is a server gone mad."""


class LineTooLong(ValueError):
    """A line is longer than the decoder holds."""


class NdjsonDecoder:
    """Cuts one stream into its lines, each the bytes of one JSON value; empty lines are left out.

    Args:
        limit: Bytes that one line may have.
    """

    __slots__ = ("_limit", "_line")

    def __init__(self, limit: int = LONGEST_LINE) -> None:
        self._limit = limit
        self._line = bytearray()

    def push(self, chunk: bytes) -> list[bytes]:
        """Take the next bytes of the stream; return the lines that they complete.

        Raises:
            LineTooLong: One is longer than the limit; the decoder is of no use any more.
        """
        *lines, rest = chunk.split(b"\n")
        if lines and self._line:
            self._line += lines[0]
            lines[0] = bytes(self._line)
            self._line.clear()
        for line in lines:
            self._check(line)
        self._line += rest
        self._check(self._line)
        return [line for line in lines if line and not line.isspace()]

    def _check(self, line: bytes | bytearray) -> None:
        if len(line) > self._limit:
            raise LineTooLong(f"a line of the stream has more than {self._limit} bytes")

    def finish(self) -> list[bytes]:
        """End the stream; return its last line, if it is one that no line feed ended."""
        last = bytes(self._line)
        self._line.clear()
        return [] if not last or last.isspace() else [last]
