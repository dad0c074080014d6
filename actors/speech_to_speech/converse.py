"""What is said to any model that hears and speaks by itself: the messages that its providers share.

The vocabulary is that of the OpenAI Realtime protocol in its current form, which others speak, too: client events go
in, server events come out, as structs.
"""

from typing import Annotated

from msgspec import Meta

from ...runtime import DuplexRequest, Request
from ..realtime.client_events import ClientEvent
from ..realtime.client_secrets import ClientSecret
from ..realtime.server_events import ServerEvent
from ..realtime.session_config import RealtimeSession, Session


class Converse(DuplexRequest[ClientEvent, ServerEvent], frozen=True, kw_only=True):
    """Hold a conversation for as long as the caller stays: audio, text, pictures and results of tools in, events out.

    The first event is `SessionCreated`, with the configuration that holds. What the model says comes as it is made,
    faster than it is heard; a caller that does not read holds the provider back. `finish` has what is being answered
    answered to its end. The call ends before that where the provider's own time is up: it can be made again, and the
    new one be told what was said (`Retelling`).
    """

    session: RealtimeSession
    """How to begin; its `id` is the caller's own affair, and its `model` the provider's name for one, or empty for its
    default."""


class MintClientSecret(Request[ClientSecret], frozen=True, kw_only=True):
    """Have a provider make a key for a browser, which opens sessions with that configuration, for some time.

    Raises:
        InvalidRequest: A value is out of range; nobody was asked then.
    """

    session: Session
    seconds: Annotated[int, Meta(ge=10, le=7200)] = 600
    """How long it opens sessions; one that is open outlives it."""
