"""Actors in processes of their own: ``child(Whisper, name="stt", host=Process())``.

From the outside in: `host` starts workers, `remote` lives an actor's life with one, `worker` is the other end of it;
between the two are `connection` and `flow`, below those the protocol, `wire`. `docs/processes.md` is for users.
"""

from .host import Process
from .stream import Transport

__all__ = ["Process", "Transport"]
