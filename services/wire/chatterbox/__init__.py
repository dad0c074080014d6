"""A Chatterbox server's API (that of ``chatterbox-tts-api``) as a wire server: speech, streamed too, and voices.

It says tones: a pitch for each voice, whatever is in its recording. It knows no keys.
"""

from .server import ChatterboxWire

__all__ = ["ChatterboxWire"]
