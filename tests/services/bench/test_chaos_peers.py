"""A peer's server is started with the providers, and its address is told."""

import sys
from pathlib import Path

import msgspec
import pytest
from anyio import to_thread
from troupe.services.bench.chaos_peers import EARS, PEERS, Peer, in_a_peer
from troupe.services.bench.chaos_providers import Providers
from troupe.services.bench.checkout import checkout
from troupe.services.kinds.kind import PARTS

pytestmark = [pytest.mark.real_time, pytest.mark.asyncio_only]

STAND_IN = """
import pathlib, sys
pathlib.Path("told").write_text("\\n".join(sys.argv[1:]))
print(4711, flush=True)
sys.stdin.read()
"""


def test_every_peer_has_a_server_and_pinned_packages() -> None:
    root = checkout()
    assert root is not None
    for peer in PEERS.values():
        assert "--hash=sha256:" in peer.requirements(root / "benchmarks").read_text()
        script = Path(peer.command(root / "benchmarks", Path("python"), _Unserved())[1])
        assert script.exists()


class _Unserved(Providers):
    """Providers that nobody asks."""

    def __init__(self) -> None:
        self.all = ()


@pytest.fixture
def benchmarks(tmp_path: Path) -> Path:
    (tmp_path / "peers").mkdir()
    (tmp_path / "peers" / "stand_in.py").write_text(STAND_IN)
    return tmp_path


async def test_it_is_told_of_the_providers_in_the_order_of_their_chains(benchmarks: Path) -> None:
    providers, peer = Providers(ears=EARS), Peer("stand-in", "stand_in", ("--retry",))
    async with (
        providers.serving(),
        in_a_peer(providers, peer=peer, python=Path(sys.executable), benchmarks=benchmarks) as url,
    ):
        assert url == "ws://127.0.0.1:4711"
        switch, chain, *others = (await to_thread.run_sync((benchmarks / "told").read_text)).splitlines()
        told = msgspec.json.decode(chain)
        assert (switch, others) == ("--providers", ["--retry"])
        assert [each["part"] for each in told] == [part for part in PARTS for _ in range(2)]
        assert [each["kind"] for each in told] == ["deepgram", "deepgram", "openai", "openai", "cartesia", "elevenlabs"]
        assert {each["url"] for each in told} == {each.base_url() for each in providers.all}
