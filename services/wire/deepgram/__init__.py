"""Deepgram's API as a wire server: listening and speaking over WebSockets and HTTP, models.

It hears numbers, one every 0.3 s, and says tones, unless a test says what is heard.
"""

from .server import DeepgramWire

__all__ = ["DeepgramWire"]
