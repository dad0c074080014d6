"""whisper.cpp's ``whisper-server`` as a wire server; it knows no keys.

It hears numbers, one every 0.3 s, unless a test says what is heard; what it calls words are tokens, as there.
"""

from .server import WhisperCppWire

__all__ = ["WhisperCppWire"]
