"""What a model costs."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

Dollars = Annotated[float, Meta(ge=0)]


class ModelPrice(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a model costs, in US dollars; None where that is not known, or it has no such price."""

    input: Dollars | None = None
    """Per million tokens read."""
    output: Dollars | None = None
    """Per million tokens written."""
    cached: Dollars | None = None
    """Per million tokens read from the provider's cache."""
    audio_input: Dollars | None = None
    """Per million tokens of speech heard, where a model counts them."""
    audio_output: Dollars | None = None
    """Per million tokens of speech made."""
    audio_cached: Dollars | None = None
    """Per million tokens of speech from the provider's cache."""
    hour: Dollars | None = None
    """Per hour of audio heard."""
    characters: Dollars | None = None
    """Per million characters spoken."""
    image: Dollars | None = None
    """Per picture."""
    source: str = ""
    """Where it was read."""
    read: str = ""
    """When: a day, as ``YYYY-MM-DD``."""
    status: Literal["", "provider", "third party"] = ""
    """Whose word it is: the provider's own; somebody else's, unverified; empty: of whoever wrote it down."""
    note: str = ""
    """What else there is to know, in a few words."""
