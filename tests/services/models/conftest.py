"""What the tests of this folder open models with."""

from openings import opening
from wires import running_wire, wire

__all__ = ["opening", "running_wire", "wire"]
