"""Language models behind one reference: an answer that one of them begins, another one finishes."""

import math
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from ...runtime import Receiver, Sender
from ..contracts import Ended, Generate, GenerationEvent, TextDelta, TextPart, ToolCall, Turn
from ..errors import BrokenStream, CannotContinue, InvalidRequest
from .breaker import DEFAULT_POLICY, BreakerPolicy
from .caller import Listener
from .chain import Attempt, Provider, called
from .fallback import Fallback
from .overlap import CannotJoin, Continuation
from .patience import Patience
from .watchdog import Watchdog


class ModelPatience(Patience, frozen=True, kw_only=True):
    """Seconds that a model may take before another one is asked."""

    first_token: float = 1.5
    """From the request to the first of the answer."""
    between_tokens: float = 5.0
    """From each of the answer to the next."""
    alone: float = 15.0
    """For either, where nobody else is left to be asked."""
    hedge_after: float = math.inf
    """From the request until a second model is asked beside the first, if that has given nothing. Whoever gives the
    first token goes on alone. It costs a second request, so it is off by default."""
    hedge_late: bool = False
    """Whether a second model is asked, too, as soon as the first is later than with 19 of its latest 20 answers: then
    one call in twenty costs a second request. Until it has given so many, `hedge_after` holds alone."""


DEFAULT_PATIENCE: Final = ModelPatience()


class FallbackModel(Fallback):
    """Answers `Generate` with the first model that does.

    A model that fails before its first token is replaced by the next one, with the same request. If it fails later, the
    next one gets the request with what has been said as the assistant's last turn; if it repeats any of that, the
    repetition is removed (see `overlap`). Tool calls are given when the answer is complete, so none is made twice.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        patience: ModelPatience = DEFAULT_PATIENCE,
        policy: BreakerPolicy = DEFAULT_POLICY,
    ) -> None:
        super().__init__(providers, policy)
        self._patience = patience

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        """Continue a conversation, whoever does it.

        Raises:
            ProviderError: None of them could.
        """
        answer = _Answer(request, Listener(replies), self._patience)
        await self._chain.call(answer.go_on, lambda: answer.ended, hedge_after=self._hedge_after)

    def _hedge_after(self, provider: Provider) -> float:
        p95 = self._chain.p95(provider) if self._patience.hedge_late else None
        return self._patience.hedge_after if p95 is None else min(p95, self._patience.hedge_after)


class _Answer:
    """One answer, as far as the caller has got it."""

    def __init__(self, request: Generate, caller: Listener[GenerationEvent], patience: ModelPatience) -> None:
        self.ended = False
        self._request = request
        self._caller = caller
        self._patience = patience
        self._said = ""

    async def go_on(self, attempt: Attempt) -> None:
        """Have one model give the answer, or the rest of it."""
        first = attempt.first(self._patience.first_token, self._patience)
        try:
            with attempt.watchdog() as dog:
                dog.expect(first)
                asked = attempt.now()
                async with attempt.ref.stream(self._request_for(attempt.provider), timeout=math.inf) as events:
                    await self._read(events, attempt, dog, asked)
                    await dog.see_off(events)
        except CannotJoin as error:
            raise CannotContinue(attempt.path, "it gives another answer") from error
        except InvalidRequest as error:
            if not self._said:
                raise
            raise CannotContinue(attempt.path, "it takes no answer that has been begun") from error

    def _request_for(self, provider: Provider) -> Generate:
        turns = self._request.turns
        if self._said:
            turns += (Turn(role="assistant", parts=(TextPart(self._said),)),)
        return replace(self._request, turns=turns, model=called(provider.models, self._request.model))

    async def _read(self, events: Receiver[GenerationEvent], attempt: Attempt, dog: Watchdog, asked: float) -> None:
        """Give what is new, up to the end of the answer."""
        continuation = Continuation(self._said)
        calls: list[ToolCall] = []
        between = attempt.between(self._patience.between_tokens, self._patience)
        first = True
        async for event in attempt.waits(events, dog):
            if first:
                first = False
                attempt.took(attempt.now() - asked)
            await attempt.answered()
            dog.expect(between)
            match event:
                case TextDelta(text):
                    await self._say(continuation.push(text), dog)
                case ToolCall():
                    calls.append(event)
                case Ended():
                    await self._say(continuation.finish(), dog)
                    for call in calls:
                        await self._caller.give(call, dog)
                    await self._caller.give(event, dog)
                    self.ended = True
                    return
        raise BrokenStream(attempt.path, "it ended in the middle")

    async def _say(self, text: str, dog: Watchdog) -> None:
        if text:
            self._said += text
            await self._caller.give(TextDelta(text), dog)
