"""Anthropic's API as a wire server: messages, the counting of tokens, models."""

from .server import AnthropicWire

__all__ = ["AnthropicWire"]
