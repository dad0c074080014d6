"""``/v0/tts/voices``: the library, and the voices of an account, which are saved generations."""

from typing import Any, Final, Literal
from uuid import UUID, uuid5

from ..answers import Refused
from .refusals import refusal

Owner = Literal["HUME_AI", "CUSTOM_VOICE"]

_NAMESPACE: Final = UUID("7c9e6679-7425-40de-944b-e07fc1f90ae7")
NAMES: Final = ("Ava Song", "Male English Actor", "Colton Rivers", "Sitcom Girl")
"""Of the library."""


def id_of(name: str) -> str:
    """Return the id of a voice."""
    return str(uuid5(_NAMESPACE, name))


class Library:
    """Voices, by owner and name."""

    def __init__(self) -> None:
        self._names: dict[Owner, list[str]] = {"HUME_AI": list(NAMES), "CUSTOM_VOICE": []}

    def clear(self) -> None:
        """Forget those of the account."""
        self._names["CUSTOM_VOICE"].clear()

    def find(self, owner: Owner, *, name: str | None, key: str | None) -> str:
        """Return the name of a voice, given that or its id.

        Raises:
            Refused: There is none.
        """
        for known in self._names[owner]:
            if name == known or key == id_of(known):
                return known
        raise Refused(refusal(404, message="Voice not found."))

    def save(self, name: str) -> dict[str, Any]:
        """Save a voice for the account; return what is said of it."""
        if name not in self._names["CUSTOM_VOICE"]:
            self._names["CUSTOM_VOICE"].append(name)
        return _told("CUSTOM_VOICE", name)

    def delete(self, name: str) -> None:
        """Delete a voice of the account.

        Raises:
            Refused: There is none.
        """
        if name not in self._names["CUSTOM_VOICE"]:
            raise Refused(refusal(404))
        self._names["CUSTOM_VOICE"].remove(name)

    def page(self, owner: Owner, number: int, size: int) -> dict[str, Any]:
        """Return a page of voices; the first one is 0."""
        names = self._names[owner]
        shown = names[number * size : (number + 1) * size]
        return {
            "page_number": number,
            "page_size": size,
            "total_pages": -(-len(names) // size),
            "voices_page": [_told(owner, name) for name in shown],
        }


def _told(owner: Owner, name: str) -> dict[str, Any]:
    return {"id": id_of(name), "name": name, "provider": owner, "compatible_octave_models": ["1", "2"]}
