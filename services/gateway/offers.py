"""From whom clients may choose for their sessions: what the page of the playground shows in its settings."""

from contextlib import suppress
from typing import Any, Final

from msgspec import Struct, to_builtins

from ...actors.contracts import ListVoices, Voice
from ...actors.errors import ProviderError
from ...actors.realtime.client_secrets import NO_WISHES, Wanted
from ...actors.realtime.diagnosis import wrong_value
from ...actors.realtime.errors import unknown_parameter
from ...runtime.errors import DeadlineExceeded, RuntimeFault
from ..kinds.kind import PARTS
from ..voice import VoiceSystem

PATIENCE: Final = 5.0
"""Seconds that a synthesizer has to tell its voices."""
MOST: Final = 1000
"""Voices that are told of one."""


class Offer(Struct, frozen=True):
    """A provider that a client may choose for a part."""

    name: str
    """What to ask for."""
    chain: bool
    """Whether it is of the server's own chain, which is asked in the order of this list where nobody chooses."""


def offers(voice: VoiceSystem) -> dict[str, Any]:
    """Return the offers for each part, as JSON has them; the server's own chain first."""
    if voice.casting is None:
        return {part: [] for part in PARTS}
    choice = voice.casting.choice
    chains = {part: {link.name for link in choice.chain(part)} for part in PARTS}
    return {
        part: [to_builtins(Offer(link.name, link.name in chains[part])) for link in choice.offered(part)]
        for part in PARTS
    }


def check_wishes(voice: VoiceSystem, wanted: Wanted) -> None:
    """Check that a client may have the providers that it has chosen.

    Raises:
        ClientMistake: It may not.
    """
    if voice.casting is not None:
        voice.casting.check(wanted)
    elif wanted != NO_WISHES:
        raise unknown_parameter("providers")


async def voices_of(voice: VoiceSystem, name: str) -> dict[str, Any]:
    """Return the voices of a synthesizer, as JSON has them; none where it does not tell.

    Args:
        voice: The system.
        name: One of those on offer; empty for the first of the server's chain.

    Raises:
        ClientMistake: It is not on offer.
    """
    offered = {link.name: link for link in voice.casting.choice.offered("tts")} if voice.casting else {}
    if name and name not in offered:
        raise wrong_value(("tts",), name, offered)
    voices: tuple[Voice, ...] = ()
    if offered:
        link = offered[name] if name else next(iter(offered.values()))
        with suppress(ProviderError, DeadlineExceeded, RuntimeFault):  # it may be down, or have no list
            voices = await voice.system.ref(link.path).ask(ListVoices(), timeout=PATIENCE)
    return {"voices": to_builtins(voices[:MOST])}
