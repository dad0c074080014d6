"""Pieces over a socket: pauses cost a connection and nothing else, and what is early waits for its turn."""

from collections.abc import Iterable, Iterator

import pytest
from anyio import fail_after, sleep
from speech_providers import SYNTHESIZERS, running, say
from troupe.actors import synthesis
from troupe.actors.contracts import GetUsage, Say, Speech, Synthesize
from troupe.actors.errors import BrokenStream
from troupe.actors.http import Deadlines
from troupe.actors.synthesis import SpokenOver
from troupe.actors.usage import Meter
from troupe.actors.websocket import SocketRequest, connect
from troupe.runtime import Actor, Duplex, child, open_system
from troupe.services.wire import Close
from troupe.services.wire.answers import Answer
from troupe.services.wire.deepgram import DeepgramWire
from troupe.services.wire.openai.refusals import refusal
from troupe.services.wire.server import Handler, WireServer
from troupe.services.wire.socket import SocketHandler, WireSocket
from wires import served

pytestmark = pytest.mark.real_time

DEEPGRAM = next(provider for provider in SYNTHESIZERS if provider.name == "deepgram")


running_wire, wire = served(DeepgramWire)


async def test_a_long_pause_gives_the_connection_back(wire: DeepgramWire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "IDLE", 0.03)
    async with running(DEEPGRAM, wire.url) as ref:
        async with ref.open(Synthesize()) as voice:
            got: list[Speech] = []
            for number, text in enumerate(("First.", "Second.", "Third.")):
                await voice.send(Say(text))
                while not (got and got[-1].last and got[-1].piece == number):
                    got.append(await voice.receive())
                with fail_after(2):
                    while not wire.last(DEEPGRAM.path).ended.is_set():
                        await sleep(0.005)
            voice.finish()
            assert [speech async for speech in voice] == []
        usage = await ref.ask(GetUsage())
    assert [exchange.outcome for exchange in wire.exchanges] == ["served"] * 3
    audio = b"".join(speech.pcm for speech in got)
    assert audio == b"".join(DEEPGRAM.spoken(text) for text in ("First.", "Second.", "Third."))
    assert (usage.calls, usage.failures, usage.characters) == (1, 0, 19)


async def test_a_connection_that_never_works_is_not_tried_for_ever(wire: DeepgramWire) -> None:
    for _ in range(5):
        wire.fail(DEEPGRAM.path, Close(0, 1000))
    async with running(DEEPGRAM, wire.url) as ref:
        with pytest.raises(BrokenStream):
            await say(ref, "Hello.")
    assert len(wire.exchanges) == 1


class BackwardsWire(WireServer):
    """Says pieces in the wrong order: each as its number in three samples, one of them cut in two."""

    def handlers(self) -> dict[tuple[str, str], Handler]:
        return {}

    def sockets(self) -> dict[str, SocketHandler]:
        return {"/": self._talk}

    def refuse(self, status: int, code: str | None = None) -> Answer:
        return refusal(status, code)

    async def _talk(self, wire: WireSocket) -> None:
        await wire.accept({})
        while True:
            for piece in reversed([str(await wire.receive()) for _ in range(2)]):
                for part in (bytes([int(piece), 0, int(piece)]), bytes([0, int(piece), 0]), b""):
                    await wire.send(f"{piece} {part.hex()}")


class BackwardsTalking:
    def speak(self, piece: int, text: str) -> Iterable[str]:
        return [text]

    def push(self, message: str | bytes) -> Iterable[Speech]:
        piece, _, pcm = str(message).partition(" ")
        return [Speech(int(piece), bytes.fromhex(pcm), 8000, last=not pcm)]


class BackwardsSynthesizer(Actor):
    def __init__(self, url: str) -> None:
        self._url = url

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        request_ = SocketRequest(url="ws" + self._url.removeprefix("http"))
        deadlines = Deadlines(first=1, between=1)
        over = SpokenOver(caller, 8000, BackwardsTalking, deadlines, Meter(), "backwards")
        await over.run(lambda: connect(request_, provider="backwards", deadlines=deadlines))


@pytest.fixture(scope="module")
def backwards() -> Iterator[BackwardsWire]:
    with BackwardsWire() as wire:
        yield wire


async def test_pieces_come_in_their_order_whatever_the_provider_does(backwards: BackwardsWire) -> None:
    async with open_system(child(BackwardsSynthesizer, backwards.url, name="x")) as system:
        speeches = await say(system.ref("x"), *"0123")
    assert [(speech.piece, speech.pcm.hex(), speech.last) for speech in speeches] == [
        (piece, pcm, last)
        for piece in range(4)
        for pcm, last in ((f"{piece:02x}00", False), (f"{piece:02x}00" * 2, False), ("", True))
    ]
