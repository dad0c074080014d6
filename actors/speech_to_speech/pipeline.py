"""The three parts of a voice session as one that converses: the last of a chain, where no model hears and speaks."""

import math
from dataclasses import replace
from typing import ClassVar, Final

from anyio import CancelScope, Event, move_on_after
from msgspec.structs import replace as replaced

from ...runtime import Actor, Duplex, Restart, child
from ..conversation import converse
from ..http import Deadlines
from ..realtime.client_events import ClientEvent
from ..realtime.ids import new_session_id
from ..realtime.page_events import PageEvent
from ..realtime.server_events import ConversationCreated, ServerEvent
from ..voice.services import Services
from ..voice.session import Connect, VoiceSession
from .converse import Converse
from .waiting import Waiting

BUFFER: Final = 256
"""Events that may wait in each direction."""
STOP_DEADLINE: Final = 5.0
"""Seconds that a session has to end."""


class PipelineConversation(Actor):
    """Answers `Converse` with a `VoiceSession`, which is told by the same events what was said before.

    Args:
        services: What the session uses.
        sessions: The path of the supervisor whose children the sessions become.
    """

    max_concurrency: ClassVar[int] = 4096

    def __init__(self, services: Services, sessions: str) -> None:
        self._services = replace(services, conversation=None, record=None)  # whoever asks does that
        self._sessions = sessions

    async def converse(self, request: Converse, caller: Duplex[ServerEvent, ClientEvent]) -> None:
        """Hold a conversation, until the caller leaves or has finished. Cancelling ends it."""
        session = replaced(request.session, id=new_session_id())
        parent = self.context.system.supervisor(self._sessions)
        spec = child(VoiceSession, session, self._services, name=session.id, restart=Restart.TEMPORARY)
        ref = await parent.start_child(spec)
        try:
            async with ref.open(Connect(), timeout=math.inf, buffer=BUFFER) as talk:
                waiting, changed = Waiting(Deadlines()), Event()

                async def say() -> None:
                    nonlocal changed
                    async for event in caller:
                        waiting.said(event)
                        await talk.send(event)
                    while waiting.answering:  # a session ends with its client, whatever is under way
                        changed = Event()
                        await changed.wait()

                async def listen() -> None:
                    async for event in talk:
                        if not isinstance(event, PageEvent | ConversationCreated):
                            await caller.send(event)
                            waiting.heard(event)
                            changed.set()

                await converse(listen, say)
        finally:
            with CancelScope(shield=True), move_on_after(STOP_DEADLINE):
                if session.id in {each.spec.name for each in parent.children}:
                    await parent.stop_child(session.id)
