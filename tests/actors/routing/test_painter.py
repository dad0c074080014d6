"""Pictures cost money: another provider is asked only where nobody has begun."""

from collections.abc import Iterable
from typing import Any

import pytest
from troupe.actors.contracts import MadeImage, MakeImage
from troupe.actors.errors import (
    BrokenStream,
    ContentRefused,
    ProviderError,
    ProviderTimeout,
    ProviderUnavailable,
    RateLimited,
)
from troupe.actors.routing import FallbackPainter, Provider
from troupe.runtime import Actor, Ref, Sender, child
from understudies import Crash, Stage, company, perform, player

pytestmark = pytest.mark.virtual

PREVIEW = MadeImage(data=b"half", media_type="image/png", final=False)
DOOR = MadeImage(data=b"door", media_type="image/png")
WALL = MadeImage(data=b"wall", media_type="image/png", index=1)


class ScriptedPainter(Actor):
    """Does what its script says: sends pictures, fails."""

    max_concurrency = 8
    fatal = (Crash,)

    def __init__(self, stage: Stage, name: str, script: Iterable[Any]) -> None:
        self.stage, self.name, self.script = stage, name, script

    async def make(self, request: MakeImage, replies: Sender[MadeImage]) -> None:
        with self.stage.enter(self.name, request):
            for step in self.script:
                if isinstance(step, MadeImage):
                    await replies.send(step)
                else:
                    await perform(step)


def unstarted(error: ProviderError) -> ProviderError:
    error.unstarted = True
    return error


def chain(stage: Stage, *scripts: Any) -> Any:
    names = [f"p{number}" for number in range(len(scripts))]
    players = [player(ScriptedPainter, stage, name, script) for name, script in zip(names, scripts, strict=True)]
    providers = [Provider(name, models={"*": f"model-of-{name}"}) for name in names]
    return company(stage, *players, child(FallbackPainter, providers, name="router"))


async def painted(ref: Ref, count: int = 1) -> list[MadeImage]:
    async with ref.stream(MakeImage(prompt="a door", count=count)) as images:
        return [image async for image in images]


@pytest.mark.parametrize("refusal", [ProviderUnavailable("p0"), RateLimited("p0"), ProviderTimeout("p0")])
async def test_who_refuses_is_replaced(refusal: ProviderError) -> None:
    stage = Stage()
    async with chain(stage, [unstarted(refusal)], [PREVIEW, DOOR, WALL]) as system:
        assert await painted(system.ref("router"), count=2) == [PREVIEW, DOOR, WALL]
    assert [(name, request.model) for name, request in stage.requests] == [("p0", "model-of-p0"), ("p1", "model-of-p1")]
    assert stage.empty


@pytest.mark.parametrize(
    ("script", "raised"),
    [
        ([ProviderUnavailable("p0")], ProviderUnavailable),  # the connection was lost, and who knows when
        ([ProviderTimeout("p0")], ProviderTimeout),
        ([PREVIEW, BrokenStream("p0")], BrokenStream),
        ([DOOR, BrokenStream("p0")], BrokenStream),
        ([PREVIEW], BrokenStream),
        ([Crash()], ProviderUnavailable),
        ([unstarted(ContentRefused("p0"))], ContentRefused),
    ],
)
async def test_nobody_is_asked_for_what_may_be_paid_for(script: list[Any], raised: type[ProviderError]) -> None:
    stage = Stage()
    async with chain(stage, script, [DOOR, WALL]) as system:
        with pytest.raises(raised):
            await painted(system.ref("router"), count=2)
    assert [name for name, _ in stage.requests] == ["p0"]
    assert stage.empty


async def test_a_provider_that_is_not_there_has_begun_nothing() -> None:
    stage = Stage()
    providers = [Provider("nobody"), Provider("p0")]
    router = child(FallbackPainter, providers, name="router")
    async with company(stage, player(ScriptedPainter, stage, "p0", [DOOR]), router) as system:  # type: ignore[arg-type]
        assert await painted(system.ref("router")) == [DOOR]
