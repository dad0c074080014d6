"""Cartesia's API as a wire server: speech in contexts of a WebSocket and over HTTP, recognition, voices.

It says tones and hears numbers, one every 0.3 s, unless a test says what is heard.
"""

from .server import CartesiaWire

__all__ = ["CartesiaWire"]
