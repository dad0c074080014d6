"""Just enough of the ONNX file format to take constants out of one model and to write another.

An ONNX file is one protobuf message. The package `onnx` that reads and writes them is larger than all that a base
install of this library needs, and this is used for one small model (see `silero`), so the few message types that it
takes stand here. Wire format: https://protobuf.dev/programming-guides/encoding/; field numbers: ``onnx.proto`` of
https://github.com/onnx/onnx.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from .pcm import Float32

IR_VERSION: Final = 8
OPSET: Final = 16

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FLOAT, _INT64 = 1, 7  # TensorProto.DataType

Attribute = int | str | Sequence[int]


def float_constants(model: bytes) -> dict[str, Float32]:
    """Return the float32 tensors of all ``Constant`` nodes, those of nested graphs included, by their output's name.

    Raises:
        ValueError: if the bytes are not a protobuf message.
    """
    found: dict[str, Float32] = {}
    for graph in _messages(memoryview(model), 7):
        _collect(graph, found)
    return found


def _collect(graph: memoryview, found: dict[str, Float32]) -> None:
    for node in _messages(graph, 1):
        outputs = [bytes(name).decode() for name in _messages(node, 2)]
        for attribute in _messages(node, 5):
            for tensor in _messages(attribute, 5):
                array = _float_tensor(tensor)
                if array is not None and outputs:
                    found[outputs[0]] = array
            for nested in _messages(attribute, 6):
                _collect(nested, found)


def _float_tensor(tensor: memoryview) -> Float32 | None:
    """Decode a TensorProto that holds float32 as raw little-endian bytes; None for any other."""
    shape: list[int] = []
    kind = 0
    raw: memoryview | None = None
    for number, value in _fields(tensor):
        if number == 1 and isinstance(value, int):
            shape.append(value)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 9 and isinstance(value, memoryview):
            raw = value
    if kind != _FLOAT or raw is None:
        return None
    return np.frombuffer(raw, "<f4").reshape(shape)


def _messages(message: memoryview, number: int) -> Iterator[memoryview]:
    for found, value in _fields(message):
        if found == number and isinstance(value, memoryview):
            yield value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field number, value) of each field; a value is an integer or the bytes it spans."""
    at = 0
    try:
        while at < len(message):
            key, at = _read_varint(message, at)
            kind = key & 7
            if kind == _VARINT:
                number, at = _read_varint(message, at)
                yield key >> 3, number
                continue
            size = 8 if kind == _FIXED64 else 4
            if kind == _BYTES:
                size, at = _read_varint(message, at)
            elif kind not in {_FIXED64, _FIXED32}:
                raise ValueError("not an ONNX file: unknown wire type")
            if at + size > len(message):
                raise ValueError("not an ONNX file: it ends inside a field")
            yield key >> 3, message[at : at + size]
            at += size
    except IndexError:
        raise ValueError("not an ONNX file: it ends inside a number") from None


def _read_varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _varint(value: int) -> bytes:
    encoded = bytearray()
    value &= (1 << 64) - 1  # negative integers go as their 64-bit two's complement
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _field(number: int, value: int | str | bytes) -> bytes:
    if isinstance(value, int):
        return _varint(number << 3 | _VARINT) + _varint(value)
    data = value.encode() if isinstance(value, str) else value
    return _varint(number << 3 | _BYTES) + _varint(len(data)) + data


class GraphBuilder:
    """Writes a model of one graph, node by node; every name in it is a plain string."""

    def __init__(self) -> None:
        self._nodes = bytearray()
        self._constants = bytearray()
        self._count = 0

    def constant(self, array: NDArray[np.float32] | NDArray[np.int64]) -> str:
        """Add a constant tensor, float32 or int64, and return its name."""
        name = self._name("constant")
        kind = _FLOAT if array.dtype == np.float32 else _INT64
        raw = np.ascontiguousarray(array).tobytes()
        tensor = b"".join(_field(1, size) for size in array.shape)
        self._constants += _field(5, tensor + _field(2, kind) + _field(8, name) + _field(9, raw))
        return name

    def integers(self, *values: int) -> str:
        """Add a constant vector of int64 and return its name."""
        return self.constant(np.array(values, np.int64))

    def node(self, operator: str, *inputs: str, **attributes: Attribute) -> str:
        """Add a node with one output and return the output's name."""
        (output,) = self.nodes(operator, *inputs, outputs=1, **attributes)
        return output

    def nodes(self, operator: str, *inputs: str, outputs: int, **attributes: Attribute) -> list[str]:
        """Add a node with several outputs and return their names."""
        names = [self._name(operator) for _ in range(outputs)]
        node = b"".join(_field(1, name) for name in inputs) + b"".join(_field(2, name) for name in names)
        node += _field(4, operator) + b"".join(_field(5, _attribute(*item)) for item in attributes.items())
        self._nodes += _field(1, node)
        return names

    def model(self, inputs: Mapping[str, Sequence[int | str]], outputs: Mapping[str, Sequence[int | str]]) -> bytes:
        """Return the file.

        Args:
            inputs: float32 inputs by name, each with its shape; a string in a shape is a size known at run time.
            outputs: float32 outputs, likewise; the names are those that `node` returned.
        """
        graph = bytes(self._nodes) + _field(2, "graph") + bytes(self._constants)
        graph += b"".join(_field(11, _value(*item)) for item in inputs.items())
        graph += b"".join(_field(12, _value(*item)) for item in outputs.items())
        return _field(1, IR_VERSION) + _field(7, graph) + _field(8, _field(1, "") + _field(2, OPSET))

    def _name(self, stem: str) -> str:
        self._count += 1
        return f"{stem}_{self._count}"


def _attribute(name: str, value: Attribute) -> bytes:
    if isinstance(value, int):
        return _field(1, name) + _field(3, value) + _field(20, 2)
    if isinstance(value, str):
        return _field(1, name) + _field(4, value) + _field(20, 3)
    return _field(1, name) + b"".join(_field(8, item) for item in value) + _field(20, 7)


def _value(name: str, shape: Sequence[int | str]) -> bytes:
    """Encode a ValueInfoProto of float32."""
    sizes = b"".join(_field(1, _field(1 if isinstance(size, int) else 2, size)) for size in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, _FLOAT) + _field(2, sizes)))
