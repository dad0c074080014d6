"""Models that hear and speak behind one reference: a conversation goes on over another connection where one ends."""

import math
from collections.abc import Sequence
from typing import Final

from anyio import create_task_group, sleep
from msgspec import Struct
from msgspec.structs import replace

from ...runtime import Duplex
from ...runtime.errors import ChannelBroken, EndOfChannel
from ..errors import BrokenStream, ProviderError
from ..realtime.client_events import ClientEvent
from ..realtime.response_events import ResponseDone
from ..realtime.server_events import ServerEvent
from ..routing.breaker import DEFAULT_POLICY, BreakerPolicy
from ..routing.caller import CallerGone, Speaker
from ..routing.chain import Attempt, Provider, called
from ..routing.fallback import Fallback
from ..routing.watchdog import Watchdog
from .converse import Converse
from .retelling import Retelling

PAUSES: Final = (0.0, 0.5, 1.0, 2.0)
"""Seconds before each new connection since the last answer that came to its end; after those it is given up."""
LONGEST_PAUSE: Final = 5.0
"""Seconds that are waited for a provider that asks for it, or that is left alone for a while."""
BRIEF: Final = 60.0
"""Seconds within which a connection that ends has not lasted."""
BUFFER: Final = 256
"""Events that may wait in each direction."""


class ConversationPatience(Struct, frozen=True, kw_only=True):
    """Seconds that a provider may take before another one is asked; how it goes on is the provider's own affair."""

    begin: float = 5.0
    """From the call to the session that is as it is wanted."""
    alone: float = 15.0
    """The same, where nobody else is left to be asked."""


DEFAULT_PATIENCE: Final = ConversationPatience()


class FallbackConversation(Fallback):
    """Answers `Converse` with the first provider that does, and goes on where a connection ends.

    The next connection, of the same provider or of another one, is told what was said so far (`Retelling`). An answer
    that had begun is ended as failed, and one that had not is asked for again; the user's turn that was being spoken is
    heard again. A connection that has ended as the provider's time was up is no failure.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        patience: ConversationPatience = DEFAULT_PATIENCE,
        policy: BreakerPolicy = DEFAULT_POLICY,
    ) -> None:
        super().__init__(providers, policy)
        self._patience = patience

    async def converse(self, request: Converse, caller: Duplex[ServerEvent, ClientEvent]) -> None:
        """Hold a conversation, whoever does it. Cancelling ends it at the provider.

        Raises:
            ProviderError: None of them could begin, or all connections ended without an answer.
        """
        conversation = _Conversation(request, Speaker(caller), self._patience)
        while not conversation.over:
            started = self._chain.now()
            failure: ProviderError | None = None
            try:
                await self._chain.call(conversation.hold, lambda: conversation.over)
            except ProviderError as error:
                if not conversation.connections or error.fault == "account":
                    raise
                failure = error
            if not conversation.over and (failure or self._chain.now() - started < BRIEF):
                conversation.losses += 1
                if conversation.losses > len(PAUSES):
                    raise failure or BrokenStream(self.context.ref.name, "its connections end as soon as they begin")
                wanted = (failure.retry_after or 0.0) if failure else 0.0
                await sleep(max(PAUSES[conversation.losses - 1], min(wanted, LONGEST_PAUSE)))


class _Conversation:
    """One conversation, over all its connections."""

    def __init__(
        self, request: Converse, caller: Speaker[ServerEvent, ClientEvent], patience: ConversationPatience
    ) -> None:
        self.over = False
        """Whether the caller has got everything, or has left."""
        self.connections = 0
        """Those that were made so far."""
        self.losses = 0
        """Connections that ended since the last answer, or too soon."""
        self._model = request.session.model
        self._retelling = Retelling(request.session)
        self._caller = caller
        self._patience = patience
        self._finished = False

    async def hold(self, attempt: Attempt) -> None:
        """Have one provider hold it, as far as it does."""
        model = called(attempt.provider.models, self._model)
        session = replace(self._retelling.session, model=model)
        with attempt.watchdog() as dog:
            dog.expect(self._patience.alone if attempt.alone else self._patience.begin)
            started = attempt.now()
            async with attempt.ref.open(Converse(session=session), timeout=math.inf, buffer=BUFFER) as talk:
                created = await talk.receive()
                dog.expect(math.inf)
                attempt.took(attempt.now() - started)
                await attempt.answered()
                await self._begin(created, dog)
                async with create_task_group() as tasks:
                    tasks.start_soon(self._feed, talk)
                    await self._read(talk, dog)
                    tasks.cancel_scope.cancel()
        self.over = self.over or self._finished

    async def _begin(self, created: ServerEvent, dog: Watchdog) -> None:
        self.connections += 1
        if self.connections == 1:
            await self._give(created, dog)
            return
        for event in self._retelling.lost():
            await self._give(event, dog)

    async def _give(self, event: ServerEvent, dog: Watchdog) -> None:
        try:
            await self._caller.give(event, dog)
        except CallerGone:
            self.over = True
            raise

    async def _feed(self, talk: Duplex[ClientEvent, ServerEvent]) -> None:
        """Tell what was said before, then what is said now."""
        try:
            for told in self._retelling.opening():
                await talk.send(told)
            while (event := await self._take()) is not None:
                await talk.send(self._retelling.said(event))
        except ChannelBroken:
            return  # the provider is gone, and whoever reads from it hears why
        talk.finish()

    async def _take(self) -> ClientEvent | None:
        if not self._finished:
            try:
                event = await self._caller.take()
            except CallerGone:
                self.over = True
                raise
            if event is not None:
                return event
            self._finished = True
        return None

    async def _read(self, talk: Duplex[ClientEvent, ServerEvent], dog: Watchdog) -> None:
        while True:
            try:
                event = await talk.receive()
            except EndOfChannel:
                return
            told = self._retelling.told(event)
            if told is None:
                continue
            await self._give(told, dog)
            if isinstance(told, ResponseDone) and told.response.status == "completed":
                self.losses = 0
