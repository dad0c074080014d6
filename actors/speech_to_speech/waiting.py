"""Who waits for whom in a conversation. No I/O."""

import math

from ..http import Deadlines
from ..realtime import client_events as client
from ..realtime import response_events, server_events


class Waiting:
    """What the provider owes in a conversation, and so for how long its next event may be waited for.

    Args:
        deadlines: `first` from the question to the beginning of its answer, `between` from one event to the next.
    """

    def __init__(self, deadlines: Deadlines) -> None:
        self.responses: set[str] = set()
        """Those under way."""
        self._deadlines = deadlines
        self._asked = False
        self._listening = False

    def said(self, event: client.ClientEvent) -> None:
        """Take note of what the caller says."""
        self._asked = self._asked or isinstance(event, client.ResponseCreate)

    def heard(self, event: server_events.ServerEvent) -> None:
        """Take note of what the provider says."""
        match event:
            case response_events.ResponseCreated(response=response):
                self._asked = False
                self.responses.add(response.id)
            case response_events.ResponseDone(response=response):
                self.responses.discard(response.id)
            case server_events.ErrorEvent():
                self._asked = False
            case server_events.InputAudioBufferSpeechStarted():
                self._listening = True
            case server_events.InputAudioBufferCommitted() | server_events.InputAudioBufferCleared():
                self._listening = False
            case _:
                pass

    def forget(self) -> None:
        """The session has ended: nothing more is owed."""
        self.responses.clear()
        self._asked = self._listening = False

    @property
    def patience(self) -> float:
        """Seconds that the next event may take; infinite where it is the user for whom everybody waits."""
        if self._asked:
            return self._deadlines.first
        return self._deadlines.between if self.responses else math.inf

    @property
    def answering(self) -> bool:
        """Whether an answer is under way, or asked for."""
        return self._asked or bool(self.responses)

    @property
    def quiet(self) -> bool:
        """Whether nobody speaks, and nothing is being answered."""
        return not self.answering and not self._listening
