"""The server that some tests of this folder talk to."""

from wires import running_wire, wire

__all__ = ["running_wire", "wire"]
