"""A key in a file of its own, which may get another key while the program runs."""

from pathlib import Path

from .secret import Secret


class FileSecret(Secret):
    """A key that is what its file says, as of the last `refresh`; whoever holds it sends the new one from then on.

    Args:
        path: The file; it has the key and nothing else. Reading it blocks.

    Raises:
        OSError: It can't be read.
        ValueError: There is no key in it.
    """

    __slots__ = ("_path", "_seen")

    def __init__(self, path: Path) -> None:
        super().__init__("")
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self.refresh()

    @property
    def path(self) -> Path:
        """The file."""
        return self._path

    def refresh(self) -> bool:
        """Read the file if it has changed; return whether the key has. Blocks. After an error the key is as it was.

        Raises:
            OSError: It can't be read.
            ValueError: There is no key in it. The text does not have what is.
        """
        state = self._path.stat()
        seen = (state.st_mtime_ns, state.st_size, state.st_ino)
        if seen == self._seen:
            return False
        key = Secret(self._path.read_text(encoding="utf-8")).reveal()
        if not key:
            raise ValueError(f"{self._path} is empty")
        changed, self._key, self._seen = key != self._key, key, seen
        return changed

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FileSecret) and self._path == other._path

    def __hash__(self) -> int:
        return hash((FileSecret, self._path))
