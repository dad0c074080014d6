"""Which kinds of providers there are, as data: in ``kinds.toml``; the package says how to add one.

The order is that in which providers are chosen where a configuration names none. Kinds that other packages bring (see
`outside`) stand before those that are in this program.
"""

import tomllib
from pathlib import Path
from typing import Final

import msgspec

from ...actors.inference.catalogue import ENGINES
from .kind import Kind
from .outside import outside

_EMBEDDED: Final = ("pocketsphinx", "demonstration", "espeak")
_LIVE: Final = ("streaming-speech-to-text", "word-timestamps", "streaming-text-to-speech")


def _listed() -> dict[str, Kind]:
    """Read the file."""
    text = Path(__file__).with_name("kinds.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(text)
    return msgspec.convert({name: {"name": name, **table} for name, table in tables.items()}, dict[str, Kind])


def _local(name: str) -> Kind:
    """Make an entry of a local engine."""
    engine = ENGINES[name]
    embedded = name in _EMBEDDED
    return Kind(
        name=name,
        stt=name if engine.kind == "stt" else None,
        llm=name if engine.kind == "llm" else None,
        tts=name if engine.kind == "tts" else None,
        module="embedded" if embedded else name.partition("-")[0],
        engine=name,
        extra=engine.extra,
        embedded=embedded,
        capabilities=_LIVE if name != "demonstration" else ("tool-calling",),
        remark=engine.remark,
    )


# In this program; the better ones first.
_LOCAL: Final = ("moonshine-medium", "moonshine-small", "moonshine-tiny", "kokoro", "kokoro-int8", *_EMBEDDED)

_OWN: Final = _listed()
KINDS: Final[dict[str, Kind]] = {**_OWN, **outside({*_OWN, *ENGINES}), **{name: _local(name) for name in _LOCAL}}
"""By name."""
