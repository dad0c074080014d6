"""Where the API is, who is asking, and in what a server differs from OpenAI's own."""

from typing import Final

from msgspec import Struct, field

from ...endpoint import HttpEndpoint
from ...http import Deadlines
from ...secret import Secret


class Dialect(Struct, frozen=True, kw_only=True):
    """How a server wants chat completions to be asked for.

    Models differ, too. What one turns out not to take is left out for it from then on; see `wire.adapted`.
    """

    limits: tuple[str, ...] = ("max_completion_tokens", "max_tokens")
    """Names of the limit of the answer's length, the one to be used first."""
    temperature: bool = True
    """Whether it takes a temperature: newer models of OpenAI's take none but their own."""
    usage: bool = True
    """Whether it has to be asked for the usage, by ``stream_options``."""
    voices: bool = False
    """Whether it has a list of voices, at ``/audio/voices``."""


class Endpoint(HttpEndpoint, frozen=True, kw_only=True):
    """An address with the version, ``https://api.openai.com/v1``, the key to it, and the dialect spoken there."""

    dialect: Dialect = field(default_factory=Dialect)


_MAX_TOKENS: Final = Dialect(limits=("max_tokens", "max_completion_tokens"))
_LISTS_VOICES: Final = Dialect(limits=_MAX_TOKENS.limits, voices=True)
_TELLS_USAGE: Final = Dialect(limits=_MAX_TOKENS.limits, usage=False)

KNOWN: Final = {
    "openai": ("https://api.openai.com/v1", Dialect()),
    "openrouter": ("https://openrouter.ai/api/v1", _TELLS_USAGE),
    "together": ("https://api.together.ai/v1", _TELLS_USAGE),
    "ollama": ("http://127.0.0.1:11434/v1", _MAX_TOKENS),
    "lmstudio": ("http://127.0.0.1:1234/v1", _MAX_TOKENS),
    "vllm": ("http://127.0.0.1:8000/v1", _MAX_TOKENS),
    "speaches": ("http://127.0.0.1:8000/v1", _LISTS_VOICES),
    "kokoro": ("http://127.0.0.1:8880/v1", _LISTS_VOICES),
}
"""Where servers are that speak the API, unless they were told otherwise, and how."""


def endpoint(
    provider: str, *, base_url: str | None = None, key: Secret | None = None, deadlines: Deadlines | None = None
) -> Endpoint:
    """Return the endpoint of a server by its name.

    Args:
        provider: One of `KNOWN`, or any name, with an address.
        base_url: Its address, if that is not the usual one.
        key: The key to it.
        deadlines: How long it may take for what.

    Raises:
        ValueError: The name is not known, and there is no address; or the address is wrong.
    """
    usual, dialect = KNOWN.get(provider, (None, _MAX_TOKENS))
    address = base_url or usual
    if address is None:
        raise ValueError(f"where is {provider!r}? Give its base_url, or use one of {', '.join(KNOWN)}")
    return Endpoint(provider=provider, base_url=address, key=key, deadlines=deadlines or Deadlines(), dialect=dialect)
