"""Those who make pictures behind one reference: the next one is asked only where nobody has begun."""

from collections.abc import Sequence

from msgspec.structs import replace

from ...runtime import Sender
from ..contracts import MadeImage, MakeImage
from ..errors import BrokenStream, ProviderError
from .breaker import DEFAULT_POLICY, BreakerPolicy
from .caller import Listener
from .chain import Attempt, Provider, called
from .fallback import Fallback


class FallbackPainter(Fallback):
    """Answers `MakeImage` with the first provider that takes the job.

    A picture costs money, and half of one is worth nothing. So unlike elsewhere the next provider is asked only if the
    one before has certainly not begun (`ProviderError.unstarted`): it could not be reached, or refused the request. One
    that has taken it and is silent, or breaks off, may charge for it; then the call fails, and it is the caller who
    decides whether to pay again. For the same reason there is no patience here but the providers' own deadlines.
    """

    def __init__(self, providers: Sequence[Provider], policy: BreakerPolicy = DEFAULT_POLICY) -> None:
        super().__init__(providers, policy)

    async def make(self, request: MakeImage, replies: Sender[MadeImage]) -> None:
        """Send the pictures, and previews where there are any, whoever makes them.

        Raises:
            ProviderError: None of them could, or one of them has begun and failed.
        """
        job = _Job(request, Listener(replies))
        await self._chain.call(job.have_made, lambda: job.left == 0, goes_on=_goes_on)


def _goes_on(error: ProviderError) -> bool:
    return error.elsewhere and error.unstarted


class _Job:
    """One request, as far as the caller has got its pictures."""

    def __init__(self, request: MakeImage, caller: Listener[MadeImage]) -> None:
        self.left = request.count
        self._request = request
        self._caller = caller

    async def have_made(self, attempt: Attempt) -> None:
        """Have one provider make them."""
        message = replace(self._request, model=called(attempt.provider.models, self._request.model))
        asked, first = attempt.now(), True
        with attempt.watchdog() as dog:
            async with attempt.ref.stream(message, timeout=float("inf")) as images:
                async for image in images:
                    if first:
                        first = False
                        attempt.took(attempt.now() - asked)
                    await attempt.answered()
                    await self._caller.give(image, dog)
                    self.left -= image.final
        if self.left > 0:
            raise BrokenStream(attempt.path, f"the stream ended with {self.left} pictures missing")
