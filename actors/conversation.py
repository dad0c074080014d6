"""Talking and listening at the same time."""

from collections.abc import Awaitable, Callable

from anyio import create_task_group

from .errors import ProviderError


async def converse(talk: Callable[[], Awaitable[None]], listen: Callable[[], Awaitable[None]]) -> None:
    """Run `talk` beside `listen`, until `listen` returns or one of them fails.

    Raises:
        ProviderError: The first that one of them raised, as it is: a task group would wrap it.
    """
    failure: ProviderError | None = None
    async with create_task_group() as tasks:

        async def run(part: Callable[[], Awaitable[None]]) -> None:
            nonlocal failure
            try:
                await part()
            except ProviderError as error:
                failure = failure or error
                tasks.cancel_scope.cancel()

        tasks.start_soon(run, talk)
        await run(listen)
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
