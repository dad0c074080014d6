"""Chaos over other frameworks: the same providers, struck in the same ways, heard by the same callers.

Each peer runs in an environment of its own, with its own plugins for the providers and its own means of falling back
from one to the next, as it comes. Its recognisers are two of Deepgram's: the wire servers have not every protocol of
Cartesia's that peers speak.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from .chaos_providers import Ear, Providers
from .peers.servers import serving

EARS: Final[tuple[Ear, Ear]] = ("deepgram", "deepgram")
PeerName = Literal["livekit", "livekit-retry", "pipecat"]


class Peer(Struct, frozen=True):
    """A framework that falls back from one provider to the next."""

    distribution: str
    """What its version is asked of."""
    package: str
    """Its server and its file of requirements, in ``benchmarks/peers``, are called after that."""
    switches: tuple[str, ...] = ()
    """Of its server."""

    def requirements(self, benchmarks: Path) -> Path:
        """Return its file of requirements, below the checkout's folder ``benchmarks``."""
        return benchmarks / "peers" / f"{self.package}.txt"

    def command(self, benchmarks: Path, python: Path, providers: Providers) -> list[str]:
        """Return how to start it.

        Args:
            benchmarks: The checkout's folder of that name.
            python: The interpreter of its environment.
            providers: That it uses.
        """
        chain = [
            {"part": each.part, "kind": each.kind, "model": each.model, "url": each.base_url()}
            for each in providers.all
        ]
        script = str(benchmarks / "peers" / f"{self.package}.py")
        return [str(python), script, "--providers", msgspec.json.encode(chain).decode(), *self.switches]


PEERS: Final[dict[PeerName, Peer]] = {
    "livekit": Peer("livekit-agents", "livekit_chaos"),
    "livekit-retry": Peer("livekit-agents", "livekit_chaos", ("--retry",)),
    "pipecat": Peer("pipecat-ai", "pipecat_chaos"),
}


@asynccontextmanager
async def in_a_peer(providers: Providers, *, peer: Peer, python: Path, benchmarks: Path) -> AsyncGenerator[str]:
    """Run a peer's server in a process of its own, with these providers.

    Args:
        providers: That it uses.
        peer: Which one.
        python: The interpreter of its environment.
        benchmarks: The checkout's folder of that name.

    Raises:
        LoadFailed: It does not start; the text ends with what it said.
    """
    async with serving(peer.command(benchmarks, python, providers), benchmarks) as running:
        yield f"ws://127.0.0.1:{running.port}"
