"""speaches, and ``faster-whisper-server`` before it, as a wire server: OpenAI's API for speech, errors of its own.

It hears what a test says is heard, or says how long it was; it speaks tones.
"""

from .server import SpeachesWire

__all__ = ["SpeachesWire"]
