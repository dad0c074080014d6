"""Embedding models of a few hundred bytes, of the forms that ONNX files have."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

VOCABULARY = "[PAD]\n[UNK]\n[CLS]\n[SEP]\ncat\ndog\nsits\n##ting\n"
FLOAT, INT, STRING = TensorProto.FLOAT, TensorProto.INT64, TensorProto.STRING


def _write(path: Path, nodes: list[onnx.NodeProto], inputs: list[tuple[str, int, list[str | int]]], rank: int) -> None:
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(name, kind, shape) for name, kind, shape in inputs],
        [helper.make_tensor_value_info("out", FLOAT, ["n", "t", 8][:: 2 if rank == 2 else 1])],
        [numpy_helper.from_array(np.eye(8, dtype=np.float32), "table")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def write_bert(path: Path, *, types: bool) -> None:
    """A model whose vector for a piece is the unit vector of its number; the mask it leaves to its reader."""
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if types else [])]
    nodes = [helper.make_node("Gather", ["table", "input_ids"], ["out"])]
    _write(path, nodes, [(name, INT, ["n", "t"]) for name in names], 3)
    path.with_name("vocab.txt").write_text(VOCABULARY)


def write_strings(path: Path, *, column: bool) -> None:
    """A model that reads strings: one vector for "cat", another one for all else."""
    cat = helper.make_tensor("value", STRING, [1], [b"cat"])
    flat = helper.make_tensor("value", INT, [1], [-1])
    nodes = [
        helper.make_node("Constant", [], ["cat"], value=cat),
        helper.make_node("Constant", [], ["flat"], value=flat),
        helper.make_node("Equal", ["text", "cat"], ["same"]),
        helper.make_node("Cast", ["same"], ["number"], to=INT),
        helper.make_node("Reshape", ["number", "flat"], ["numbers"]),
        helper.make_node("Gather", ["table", "numbers"], ["out"]),
    ]
    _write(path, nodes, [("text", STRING, ["n", 1] if column else ["n"])], 2)


def write_other(path: Path) -> None:
    """A model that reads neither."""
    _write(path, [helper.make_node("Add", ["picture", "table"], ["out"])], [("picture", FLOAT, [8, 8])], 2)
