"""A job beside a block: errors of either come out as they are."""

import pytest
from anyio import Event, sleep_forever
from troupe.services.models.beside import beside


async def test_the_block_ends_the_job() -> None:
    ended = Event()

    async def job() -> None:
        try:
            await sleep_forever()
        finally:
            ended.set()

    async with beside(job):
        pass
    assert ended.is_set()


async def test_the_jobs_error_ends_the_block() -> None:
    async def job() -> None:
        raise KeyError("job")

    with pytest.raises(KeyError, match="job"):
        async with beside(job):
            await sleep_forever()


async def test_the_blocks_error_is_its_own_even_if_it_is_a_group() -> None:
    async def job() -> None:
        await sleep_forever()

    with pytest.raises(KeyError, match="block"):
        async with beside(job):
            raise KeyError("block")
    with pytest.raises(ExceptionGroup) as caught:
        async with beside(job):
            raise ExceptionGroup("two", [KeyError("a"), KeyError("b")])
    assert len(caught.value.exceptions) == 2
