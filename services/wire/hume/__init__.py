"""Hume's API for speech as a wire server: Octave over HTTP, at once and streamed, and over a WebSocket; voices.

It says tones; how they are to be acted it does not hear. The voice interface, EVI, is not there.
"""

from .server import HumeWire

__all__ = ["HumeWire"]
