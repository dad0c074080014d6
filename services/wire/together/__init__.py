"""Together's API as a wire server: chat completions, and models with their prices."""

from .server import TogetherWire

__all__ = ["TogetherWire"]
