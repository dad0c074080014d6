"""What all models as objects have in common."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

from ...actors.contracts import GetUsage, Usage
from ...actors.usage import Meter
from ...runtime import Ref
from ..choice import Link
from ..kinds.kind import Work


class Model:
    """A model, or a chain of them of which the next one goes on where one fails; `Models.model` makes them.

    The classes below it say what each takes and gives. Where it is not known which one it is, anything can be passed,
    and what does not fit is a `TypeError`.

    Args:
        ref: The actor that does it: a router over a chain, or a provider's own.
        links: Who is behind it, in the order in which they are asked.
        providers: Their actors, in the same order.
    """

    work: ClassVar[Work]
    """What it does, as a configuration calls it."""
    capability: ClassVar[str]
    """What it does, as catalogues of models call it."""

    def __init__(self, ref: Ref, links: tuple[Link, ...], providers: tuple[Ref, ...]) -> None:
        self.ref = ref
        """For what is not said here: any message of `troupe.actors.contracts` that the actor answers."""
        self.links = links
        self._providers = providers

    @property
    def name(self) -> str:
        """What a configuration would call it; the names of a chain are separated by commas."""
        return ", ".join(link.name for link in self.links)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}>"

    async def transform(self, *args: Any, **options: Any) -> Any:
        """Return what the model makes of the input, as a whole. Cancelling ends the request at the provider.

        Raises:
            ProviderError: None of the providers could do it.
        """
        raise NotImplementedError

    def stream(self, *args: Any, **options: Any) -> AbstractAsyncContextManager[AsyncIterator[Any]]:
        """Give what the model makes of the input piece by piece. Leaving the block ends the request at the provider.

        A reader that waits holds the provider back.

        Raises:
            ProviderError: Inside the block, and while iterating: none of the providers could do it.
        """
        raise NotImplementedError

    async def aclose(self) -> None:
        """Give back what was made at a provider for this model alone; `open_models` does so at the end of its block."""

    async def usage(self) -> Usage:
        """Return what was used of all providers behind it, as far as they count; cancelling is safe."""
        sums = Meter()
        for ref in self._providers:
            if GetUsage in ref.cell.handlers:
                sums.add(await ref.ask(GetUsage()))
        return sums.usage
