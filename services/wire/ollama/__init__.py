"""Ollama's own API as a wire server: chat and generate, embeddings, the list of models, fetching one."""

from .server import OllamaWire

__all__ = ["OllamaWire"]
