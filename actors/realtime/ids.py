"""Ids as OpenAI writes them: the kind, an underscore, and digits that do not repeat."""

import os
from functools import partial
from random import Random

_random = Random()  # ids are no secrets, and this costs half of what the system's randomness does
os.register_at_fork(after_in_child=_random.seed)


def new_id(kind: str) -> str:
    """Return a new id such as ``item_9f2c…``: `kind` and 96 random bits, so at most 32 characters for short kinds.

    The kinds of the protocol are ``sess``, ``conv``, ``item``, ``resp``, ``call`` and ``event``.
    """
    return f"{kind}_{_random.getrandbits(96):024x}"


new_event_id = partial(new_id, "event")
new_item_id = partial(new_id, "item")
new_call_id = partial(new_id, "call")
new_session_id = partial(new_id, "sess")
new_response_id = partial(new_id, "resp")
new_conversation_id = partial(new_id, "conv")
