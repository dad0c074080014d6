"""ElevenLabs' API as a wire server: speech over HTTP and WebSockets with times, recognition, voices, models.

It says tones and hears numbers, one every 0.3 s, unless a test says what is heard.
"""

from .server import ElevenLabsWire

__all__ = ["ElevenLabsWire"]
