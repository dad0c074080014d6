"""OpenRouter's API as a wire server: chat completions with their cost, models with their prices."""

from .server import OpenRouterWire

__all__ = ["OpenRouterWire"]
