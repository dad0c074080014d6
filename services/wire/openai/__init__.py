"""OpenAI's HTTP API as a wire server: chat completions, speech, transcriptions, models.

Answers are made up, and always the same for the same request, unless a test says what they are to be.
"""

from ..replies import Reply, ToolUse
from .server import OpenAiWire
from .transcription import Heard

__all__ = ["Heard", "OpenAiWire", "Reply", "ToolUse"]
