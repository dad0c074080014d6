"""Options of providers and their models: typed, and checked when they are made, before any call is made with them."""

from functools import cache
from typing import Any, Self

import msgspec
from msgspec import Struct

from .errors import InvalidRequest


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Base of options. A field's annotation says what may stand in it: ``Annotated[float, Meta(ge=0, le=2)] | None``.

    Raises:
        ValueError: A value is of another type or out of range; the text names the option and says what it may be.
    """

    def __post_init__(self) -> None:
        for name, kind in _fields(type(self)):
            try:
                msgspec.convert(getattr(self, name), kind)
            except msgspec.ValidationError as error:
                raise ValueError(f"{name}: {error}") from None

    def merged(self, provider: str, **wishes: Any) -> Self:
        """Return them with what a request wishes otherwise; wishes that are None change nothing.

        Args:
            provider: For the error.
            wishes: Values by the names of options.

        Raises:
            InvalidRequest: A value is out of range.
        """
        changes = {name: value for name, value in wishes.items() if value is not None}
        if not changes:
            return self
        try:
            return msgspec.structs.replace(self, **changes)
        except ValueError as error:
            raise InvalidRequest(provider, str(error)) from None

    def members(self, *but: str) -> dict[str, Any]:
        """Return those that are not as they are by default, for JSON, without those named in `but`."""
        members: dict[str, Any] = msgspec.to_builtins(self)
        for name in but:
            members.pop(name, None)
        return members


@cache
def _fields(options: type[Options]) -> tuple[tuple[str, Any], ...]:
    return tuple((field.name, field.type) for field in msgspec.structs.fields(options))
