"""A demonstration language model: rules, not a network, so that a conversation can be tried with nothing installed."""

from .model import DemonstrationModel

__all__ = ["DemonstrationModel"]
