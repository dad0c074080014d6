"""A function that writes."""

from typing import Any

from ....runtime import Sender
from ...contracts import Ended, Generate, GenerationEvent, TextDelta
from .base import FunctionActor


class FunctionModel(FunctionActor):
    """Answers with what a function makes of the user's last turn.

    The function takes a text and returns one, or gives it piece by piece: ``def answer(text: str) -> str``. If it has a
    parameter ``turns``, it gets the whole conversation there, too: a tuple of `troupe.actors.contracts.Turn`.
    """

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        """Send what the function writes, as it writes it."""
        text = next((turn.text for turn in reversed(request.turns) if turn.role == "user"), "")
        named: dict[str, Any] = {"turns": request.turns} if self._callee.takes("turns") else {}
        with self.meter(request.model).call():
            async with self._callee.pieces(text, **named) as pieces:
                async for piece in pieces:
                    if not isinstance(piece, str):
                        raise self.misfit(piece, "text")
                    if piece:
                        await replies.send(TextDelta(piece))
        await replies.send(Ended("stop"))
