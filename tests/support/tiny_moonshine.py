"""A model of a few hundred bytes that Moonshine's library loads and runs.

It has the five graphs of Moonshine's streaming models, with their names, inputs and shapes (as
``moonshine-streaming-model.cpp`` uses them) at a width of one. What it hears is a word for every half second of sound:
"one", "two", "three", ...
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight")
SPECIALS = ("<unk>", "<s>", "</s>")
VOCABULARY = len(SPECIALS) + len(WORDS)
CONFIG = {"encoder_dim": 1, "decoder_dim": 1, "depth": 1, "nheads": 1, "head_dim": 1, "vocab_size": VOCABULARY}
CONFIG |= {"bos_id": 1, "eos_id": 2, "frame_len": 80, "total_lookahead": 0, "d_model_frontend": 1, "c1": 1, "c2": 1}
F, INT = TensorProto.FLOAT, TensorProto.INT64
CACHE = [1, 1, 1, "c", 1]


def save(path: Path, inputs: dict, outputs: dict, constants: dict, nodes: list[tuple]) -> None:
    """Write a graph; a node is (operator, inputs, output) or (operator, inputs, output, attributes)."""
    graph = helper.make_graph(
        [
            helper.make_node(operator, arguments.split(), [output], **dict(*attributes))
            for operator, arguments, output, *attributes in nodes
        ],
        "graph",
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in inputs.items()],
        [helper.make_tensor_value_info(name, kind, shape) for name, (kind, shape) in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.optimized_model_filepath = str(path)
    options.add_session_config_entry("session.save_model_format", "ORT")
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def write_decoder(path: Path, *, attention: bool) -> None:
    """The token at position p is the word p if there are so many half seconds of sound, else the end."""
    inputs = {"token": (INT, [1, "t"])}
    inputs |= dict.fromkeys(("k_self", "v_self"), (F, CACHE))
    inputs |= {name: (F, [1, 1, 1, "m", 1]) for name in ("out_k_cross", "out_v_cross")}
    outputs = {"logits": (F, [1, "t", VOCABULARY])}
    outputs |= {name: (F, [1, 1, 1, "n", 1]) for name in ("out_k_self", "out_v_self")}
    constants = {
        "one": np.int64(1),
        "first": np.int64(len(SPECIALS)),
        "end": np.int64(2),
        "half_second": np.float32(100),
        "cache": np.array([1, 1, 1, -1, 1]),
        "batch": np.array([0]),
        "width": np.array(VOCABULARY),
        "off_on": np.array([0, 1], np.float32),
        "loud": np.float32(0.1),
    }
    nodes: list[tuple] = [
        ("Shape", "k_self", "cached", {"start": 3, "end": 4}),
        ("Squeeze", "cached", "past"),
        ("Shape", "token", "given", {"start": 1, "end": 2}),
        ("Squeeze", "given", "new"),
        ("Add", "past new", "all"),
        ("Range", "past all one", "positions"),
        ("Greater", "out_k_cross loud", "is_loud"),
        ("Cast", "is_loud", "loudness", {"to": F}),
        ("ReduceSum", "loudness", "loud_frames", {"keepdims": 0}),
        ("Div", "loud_frames half_second", "halves"),
        ("Floor", "halves", "whole"),
        ("Cast", "whole", "words", {"to": INT}),
        ("Less", "positions words", "is_word"),
        ("Add", "positions first", "word"),
        ("Where", "is_word word end", "next"),
        ("OneHot", "next width off_on", "flat"),
        ("Unsqueeze", "flat batch", "logits"),
        ("Cast", "token", "token_values", {"to": F}),
        ("Reshape", "token_values cache", "token_cache"),
        ("Concat", "k_self token_cache", "out_k_self", {"axis": 3}),
        ("Concat", "v_self token_cache", "out_v_self", {"axis": 3}),
    ]
    if attention:  # every word looks at the half second that it stands for
        outputs["cross_attentions.0"] = (F, [1, 1, "t", "m"])
        constants |= {
            "zero": np.int64(0),
            "hundred": np.int64(100),
            "column": np.array([1]),
            "row": np.array([0]),
            "outer": np.array([0, 1]),
        }
        nodes += [
            ("Shape", "out_k_cross", "memory", {"start": 3, "end": 4}),
            ("Squeeze", "memory", "length"),
            ("Range", "zero length one", "frame"),
            ("Div", "frame hundred", "half"),
            ("Unsqueeze", "half row", "half_row"),
            ("Unsqueeze", "positions column", "position_column"),
            ("Equal", "half_row position_column", "looks"),
            ("Cast", "looks", "weights", {"to": F}),
            ("Unsqueeze", "weights outer", "cross_attentions.0"),
        ]
    save(path, inputs, outputs, constants, nodes)


def write_moonshine(models: Path) -> Path:
    """Write the tiny model as ``moonshine-tiny`` below `models`, the folder of all models; return that."""
    folder = models / "moonshine-tiny"
    folder.mkdir()
    state = {"sample_buffer": (F, [1, 79]), "sample_len": (INT, [1]), "frame_count": (INT, [1])}
    state |= {"conv1_buffer": (F, [1, 1, 4]), "conv2_buffer": (F, [1, 1, 4])}
    save(  # the mean loudness of every 5 ms; what is left over waits in the sample buffer
        folder / "frontend.ort",
        {"audio_chunk": (F, [1, "n"]), **state},
        {"features": (F, [1, "f", 1]), **{f"{name}_out": what for name, what in state.items()}},
        {
            "size": np.array([80]),
            "most": np.array([79]),
            "start": np.array([0]),
            "axis": np.array([1]),
            "frames": np.array([1, -1, 80]),
        },
        [
            ("Slice", "sample_buffer start sample_len axis", "waiting"),
            ("Concat", "waiting audio_chunk", "audio", {"axis": 1}),
            ("Shape", "audio", "length", {"start": 1, "end": 2}),
            ("Mod", "length size", "sample_len_out"),
            ("Sub", "length sample_len_out", "whole"),
            ("Slice", "audio start whole axis", "kept"),
            ("Reshape", "kept frames", "framed"),
            ("Abs", "framed", "loudness"),
            ("ReduceMean", "loudness", "features", {"axes": [2]}),
            ("Slice", "audio whole length axis", "rest"),
            ("Sub", "most sample_len_out", "room"),
            ("Concat", "start start start room", "padding", {"axis": 0}),
            ("Pad", "rest padding", "sample_buffer_out"),
            *(("Identity", name, f"{name}_out") for name in ("conv1_buffer", "conv2_buffer", "frame_count")),
        ],
    )
    features = (F, [1, "t", 1])
    save(
        folder / "encoder.ort", {"features": features}, {"encoded": features}, {}, [("Identity", "features", "encoded")]
    )
    save(
        folder / "adapter.ort",
        {"encoded": features, "pos_offset": (INT, [1])},
        {"memory": features},
        {"zero": np.float32(0)},
        [
            ("Cast", "pos_offset", "offset", {"to": F}),
            ("Mul", "offset zero", "nothing"),
            ("Add", "encoded nothing", "memory"),
        ],
    )
    cross = (F, [1, 1, 1, "t", 1])
    save(
        folder / "cross_kv.ort",
        {"memory": features},
        {"k_cross": cross, "v_cross": cross},
        {"axes": np.array([0, 1])},
        [("Unsqueeze", "memory axes", "k_cross"), ("Identity", "k_cross", "v_cross")],
    )
    write_decoder(folder / "decoder_kv.ort", attention=False)
    tokens = [token.encode() for token in SPECIALS] + [f"\u2581{word}".encode() for word in WORDS]
    (folder / "tokenizer.bin").write_bytes(b"".join(bytes([len(token)]) + token for token in tokens))
    (folder / "streaming_config.json").write_text(json.dumps(CONFIG))
    return models
