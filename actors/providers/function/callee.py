"""A function of somebody else's, called where it holds up nobody."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from importlib import import_module
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, signature
from typing import Any, cast

from ....runtime.thread import ThreadWorker
from ...inference.errors import NotInstalled

Function = Callable[..., Any]


def imported(name: str) -> Function:
    """Return the function of a name such as ``package.module:function``. Importing it may take its time.

    Raises:
        NotInstalled: There is no such module, or nothing in it that can be called by that name.
    """
    module, _, attribute = name.partition(":")
    try:
        found: Any = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ImportError, AttributeError) as error:
        raise NotInstalled(f"{name} can't be imported: {error}; is its package installed, or on PYTHONPATH?") from error
    if not callable(found):
        raise NotInstalled(f"{name} can't be called")
    return cast("Function", found)


class Callee:
    """A function, sync or async, that returns its result or, as a generator, gives it piece by piece.

    Async functions run in the event loop, the others in a thread of their own, one call after the other. `open` makes
    one.

    Args:
        worker: Whose object is the function.
        function: The function.
    """

    def __init__(self, worker: ThreadWorker[Function], function: Function) -> None:
        self._worker = worker
        self._function = function

    @classmethod
    @asynccontextmanager
    async def open(cls, name: str) -> AsyncGenerator["Callee"]:
        """Import a function by its name; raises as `imported`."""
        async with ThreadWorker.open(partial(imported, name), name=name) as worker:
            yield cls(worker, await worker.call(_itself))

    def takes(self, parameter: str) -> bool:
        """Tell whether the function has a parameter of that name."""
        return parameter in signature(self._function).parameters

    @asynccontextmanager
    async def pieces(self, *args: Any, **named: Any) -> AsyncGenerator[AsyncIterator[Any]]:
        """Call it; give what it gives, or the one thing that it returns. Leaving the block closes a generator.

        Cancelling ends an async function where it waits; a sync one goes on to its next piece, and nobody takes that.

        Raises:
            Exception: Inside the block, whatever the function raises.
        """
        function = self._function
        if _is(isasyncgenfunction, function):
            async with aclosing(function(*args, **named)) as pieces:
                yield pieces
        elif _is(iscoroutinefunction, function):
            async with aclosing(_awaited(function, args, named)) as pieces:
                yield pieces
        else:
            async with self._worker.stream(partial(_called, args=args, named=named), buffer=1) as pieces:
                yield pieces


def _itself(function: Function) -> Function:
    return function


def _is(kind: Callable[[Any], bool], function: Function) -> bool:
    """Judge a function, or an object that can be called."""
    return kind(function) or kind(getattr(function, "__call__", None))  # noqa: B004  (what calling it would run)


async def _awaited(function: Function, args: tuple[Any, ...], named: dict[str, Any]) -> AsyncGenerator[Any]:
    yield await function(*args, **named)


def _called(function: Function, *, args: tuple[Any, ...], named: dict[str, Any]) -> Iterator[Any]:
    if _is(isgeneratorfunction, function):
        yield from function(*args, **named)
    else:
        yield function(*args, **named)
