"""The demonstration language model, as an actor."""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Final

from ....runtime import Sender
from ....runtime.parking import pass_turn
from ...accounting import AccountingActor
from ...contracts import Ended, Generate, GenerationEvent, Usage
from ...inference.demonstration.model import DemonstrationModel

NAME: Final = "demonstration"
"""What it is called as a model."""


def _local_time() -> datetime:
    return datetime.now().astimezone()


class Demonstrator(AccountingActor):
    """Answers by rules what can be answered by rules, token by token; see `troupe.actors.inference.demonstration`.

    Args:
        clock: Tells the time, with the user's zone; the machine's own if not given.
    """

    max_concurrency: ClassVar[int] = 256

    def __init__(self, clock: Callable[[], datetime] = _local_time) -> None:
        super().__init__()
        self._model = DemonstrationModel(clock)

    async def generate(self, request: Generate, replies: Sender[GenerationEvent]) -> None:
        """Continue a conversation."""
        events = self._model.generate(
            request.turns, request.tools, tool_choice=request.tool_choice, max_tokens=request.max_tokens
        )
        meter = self._meters.of(request.model or NAME)
        with meter.call():
            for event in events:
                await replies.send(event)
                await pass_turn()  # tokens come one by one, as those of a model do
                if isinstance(event, Ended):
                    meter.add(Usage(input_tokens=event.input_tokens, output_tokens=event.output_tokens))
