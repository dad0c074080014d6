"""A server is ready while somebody takes each part of a conversation."""

import pytest
from anyio import sleep
from conversations import Model, Recogniser, Script, Synthesizer, scripted_system
from troupe.actors.contracts import Generate
from troupe.actors.errors import ProviderError
from troupe.actors.routing import FallbackModel, Provider
from troupe.runtime import child
from troupe.services.gateway.readiness import parts_down, providers_of

pytestmark = pytest.mark.virtual


async def test_a_part_is_down_while_all_its_providers_rest_or_are_gone() -> None:
    script = Script(fail="llm")
    providers = (
        child(Recogniser, script, name="stt"),
        child(Model, script, name="inner"),
        child(FallbackModel, [Provider("inner")], name="llm"),
        child(Synthesizer, script, name="tts"),
    )
    async with scripted_system(script, providers=providers) as voice:
        assert await parts_down(voice) == []
        for _ in range(3):
            with pytest.raises(ProviderError):
                async with voice.services.model.stream(Generate(turns=())) as answer:
                    await answer.receive()
        assert await parts_down(voice) == ["llm"]
        (status,) = (await providers_of(voice))["llm"]
        assert (status.path, status.breaker.failures) == ("inner", 3)
        await sleep(10)
        assert await parts_down(voice) == [], "it has rested: whether it works is for the next call to find out"
        await voice.system.root.stop_child("inner")
        assert await parts_down(voice) == ["llm"]
        await voice.system.root.stop_child("tts")
        assert await parts_down(voice) == ["llm", "tts"]
