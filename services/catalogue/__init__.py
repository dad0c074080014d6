"""What is known of models before anybody asks one: what they can do, what they cost, where they run."""

from ..kinds.price import ModelPrice
from .capabilities import CAPABILITIES, Capability
from .descriptor import ModelDescriptor, describe
from .locality import Locality
from .prices import cost, price_of
from .selector import Selector

__all__ = [
    "CAPABILITIES",
    "Capability",
    "Locality",
    "ModelDescriptor",
    "ModelPrice",
    "Selector",
    "cost",
    "describe",
    "price_of",
]
