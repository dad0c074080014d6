"""Hume's API for speech as a wire server: Octave over HTTP, at once and streamed, and voices.

It says tones; how they are to be acted it does not hear. Its WebSocket, and the voice interface, are not there.
"""

from .server import HumeWire

__all__ = ["HumeWire"]
