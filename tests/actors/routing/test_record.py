"""A router counts how soon and how steadily its providers answer, and how calls end."""

import pytest
from anyio import move_on_after, sleep, wait_all_tasks_blocked
from troupe.actors.contracts import Ended, Generate, GenerationEvent, Say, Speech, Synthesize, TextDelta
from troupe.actors.errors import ProviderUnavailable
from troupe.actors.routing import FallbackModel, FallbackSynthesizer, ListProviders, Provider, ProviderStatus
from troupe.actors.routing.record import LEFT, OK
from troupe.runtime import Actor, Duplex, Ref, Sender, child, open_system

pytestmark = pytest.mark.virtual

ANSWER = Generate(turns=())


class Model(Actor):
    """Takes 0.4 s to its first token, and 0.04 s to each further one."""

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        assert request.model == "large"
        await sleep(0.4)
        for word in ("One", " two", " three"):
            await replies.send(TextDelta(word))
            await sleep(0.04)
        await replies.send(Ended("stop"))


class Broken(Actor):
    """Never answers."""

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        raise ProviderUnavailable("broken", "HTTP 503")


class Voice(Actor):
    """Takes 0.25 s for each half of what it says."""

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        piece = 0
        async for _ in caller:
            for last in (False, True):
                await sleep(0.25)
                await caller.send(Speech(piece, b"\1\0" * 8000, 16_000, last=last))
            piece += 1


async def statuses(ref: Ref) -> tuple[ProviderStatus, ...]:
    await wait_all_tasks_blocked()
    return await ref.ask(ListProviders())


async def test_a_model() -> None:
    chain = [Provider("broken", models={"*": "small"}), Provider("good", models={"*": "large"})]
    async with open_system(
        child(Broken, name="broken"), child(Model, name="good"), child(FallbackModel, chain, name="llm")
    ) as system:
        llm = system.ref("llm")
        for _ in range(2):
            async with llm.stream(ANSWER) as events:
                async for _ in events:
                    await sleep(5)  # a reader who takes his time is not the provider's slowness
        with move_on_after(0.1):
            async with llm.stream(ANSWER) as events:
                await events.receive()
        broken, good = await statuses(llm)
    assert (broken.path, broken.model) == ("broken", "small")
    assert broken.record.outcomes == {"provider_unavailable": 3}
    assert broken.record.first.count == broken.record.total.count == 0
    assert good.model == "large"
    assert good.record.outcomes == {OK: 2, LEFT: 1}
    assert good.record.first.count == 2
    assert good.record.first.sum == pytest.approx(0.8)
    assert good.record.between.count == 6
    assert good.record.between.sum <= 0.24 + 1e-6
    assert good.record.total.count == 2


async def test_a_voice_that_waits_for_text_is_not_late() -> None:
    async with open_system(
        child(Voice, name="voice"), child(FallbackSynthesizer, [Provider("voice")], name="tts")
    ) as system:
        tts = system.ref("tts")
        async with tts.open(Synthesize()) as speaking:
            for text in ("One.", "Two."):
                await sleep(3)
                await speaking.send(Say(text))
                while not (await speaking.receive()).last:
                    pass
            speaking.finish()
            assert [speech async for speech in speaking] == []
        (voice,) = await statuses(tts)
    assert voice.record.first.sum == pytest.approx(0.25)
    assert voice.record.between.sum <= 0.75 + 1e-6
    assert voice.record.outcomes == {OK: 1}
