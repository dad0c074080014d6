"""Something that goes on beside a block, as sending does beside reading."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from anyio import create_task_group


@asynccontextmanager
async def beside(job: Callable[[], Coroutine[Any, Any, None]]) -> AsyncGenerator[None]:
    """Run a job until it ends, or the block does, which cancels it.

    Raises:
        Exception: What the block or the job raised, as it is: a task group would wrap it. If the job fails the block is
            cancelled.
    """
    try:
        async with create_task_group() as tasks:
            tasks.start_soon(job)
            yield
            tasks.cancel_scope.cancel()
    except ExceptionGroup as group:
        raise group.exceptions[0] from None
