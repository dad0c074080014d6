"""``whisper-asr-webservice`` as a wire server, with the engine faster-whisper; it knows no keys.

It hears numbers, one every 0.3 s, unless a test says what is heard.
"""

from .server import WhisperAsrWire

__all__ = ["WhisperAsrWire"]
