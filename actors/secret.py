"""Keys and tokens, kept out of everything that people or programs write down."""

import hmac


class Secret:
    """A key that shows itself to nobody who does not ask for it by `reveal`.

    It has no text, no ``repr`` and no encoding that would contain the key.

    Args:
        key: White space around it, such as the end of a file's line, is no part of it.

    Raises:
        ValueError: No HTTP header can have it. HTTP libraries would say so, too, but with the key in the text.
    """

    __slots__ = ("_key",)

    def __init__(self, key: str) -> None:
        self._key = key.strip()
        if not all("!" <= character <= "~" for character in self._key):
            raise ValueError("a key consists of visible ASCII characters; is there white space or an ellipsis in it?")

    def reveal(self) -> str:
        """Return the key, to be sent to where it belongs and nowhere else."""
        return self._key

    def __bool__(self) -> bool:
        return bool(self._key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and hmac.compare_digest(self._key.encode(), other._key.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._key))

    def __repr__(self) -> str:
        return "Secret(…)" if self._key else "Secret('')"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled; give a worker process its key in another way")
