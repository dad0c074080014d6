"""Whether the server can hold a conversation: somebody has to be there for each part of it."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Final

from anyio import create_task_group

from ...actors.contracts import Account, GetAccounts
from ...actors.routing import ListProviders, ProviderStatus
from ...runtime import Ref
from ...runtime.errors import RuntimeFault
from ...runtime.inspect import Node, inspect
from ...runtime.life import State
from ..cast import CASTS
from ..voice import VoiceSystem

PATIENCE: Final = 1.0
"""Seconds that a router has to say how its providers are doing."""


async def providers_of(voice: VoiceSystem) -> dict[str, tuple[ProviderStatus, ...]]:
    """Return what each router says about its providers that all sessions share, by its path. Cancelling is safe."""
    answers: dict[str, tuple[ProviderStatus, ...]] = {}
    for ref in _shared(voice.system.find(ListProviders)):
        try:
            answers[ref.name] = await ref.ask(ListProviders(), timeout=PATIENCE)
        except RuntimeFault:  # it is restarting, or gone
            answers[ref.name] = ()
    return answers


async def accounts_of(voice: VoiceSystem) -> dict[str, tuple[Account, ...]]:
    """Return what was used of each provider that all sessions share, by its path; of those that say it.

    Cancelling is safe.
    """
    used: dict[str, tuple[Account, ...]] = {}

    async def ask(ref: Ref) -> None:
        with suppress(RuntimeFault):  # it is restarting, or gone
            used[ref.name] = await ref.ask(GetAccounts(), timeout=PATIENCE)

    async with create_task_group() as tasks:
        for ref in _shared(voice.system.find(GetAccounts)):
            tasks.start_soon(ask, ref)
    return dict(sorted(used.items()))


async def parts_down(voice: VoiceSystem) -> list[str]:
    """Return the parts of a conversation that nobody takes: ``stt``, ``llm``, ``tts``. Cancelling is safe.

    Where models are to take all parts at once, that is the one part: ``realtime``.

    A provider whose circuit has been open for as long as it is to rest counts as one that may work: as long as nobody
    comes, nobody finds out.
    """
    running = {node.path for node in _nodes(inspect(voice.system)) if node.state is State.RUNNING}
    routed = await providers_of(voice)

    def works(ref: Ref) -> bool:
        if ref.name not in running:
            return False
        providers = routed.get(ref.name)
        return providers is None or any(each.path in running and not each.breaker.opens_in for each in providers)

    services = voice.services
    parts = {"stt": services.recogniser, "llm": services.model, "tts": services.synthesizer}
    if services.conversation is not None:
        parts = {"realtime": services.conversation}
    return [part for part, ref in parts.items() if not works(ref)]


def _shared(refs: Iterable[Ref]) -> Iterator[Ref]:
    """Leave out the actors that one session has for itself."""
    return (ref for ref in refs if not ref.name.startswith(f"{CASTS}/"))


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from _nodes(child)
