"""A model of a few hundred bytes that Kokoro's package loads and runs, with espeak-ng's phonemes.

It has the inputs and outputs of Kokoro's graph: every phoneme is a tenth of a second of a tone, whose loudness is the
mean of the voice's style vector; punctuation and spaces are silent.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from troupe.actors.inference.kokoro import RATE

FLOAT, INT = TensorProto.FLOAT, TensorProto.INT64
VOICES = {"af_heart": 0.5, "am_adam": 0.25, "bm_george": 0.25, "ef_dora": 0.4, "jf_alpha": 0.3}
PHONEME = RATE // 10


def write_model(path: Path, *, durations: bool = True, style: int = 256) -> None:
    nodes = [
        ("Shape", "tokens", "length", {"start": 1, "end": 2}),
        ("GreaterOrEqual", "tokens first_sound", "sounds"),
        ("Cast", "sounds", "gates", {"to": FLOAT}),
        ("Expand", "gates phoneme", "gate"),
        ("Transpose", "gate", "by_token", {"perm": [1, 0]}),
        ("ReduceMean", "style", "loudness", {"keepdims": 0}),
        ("Mul", "tone loudness", "heard"),
        ("Mul", "by_token heard", "spoken"),
        ("Mul", "speed nothing", "ignored"),
        ("Add", "spoken ignored", "sum"),
        ("Reshape", "sum flat", "audio"),
    ]
    outputs = [helper.make_tensor_value_info("audio", FLOAT, ["samples"])]
    if durations:
        value = helper.make_tensor("value", INT, [1], [4])
        nodes.append(("ConstantOfShape", "length", "duration", {"value": value}))
        outputs.append(helper.make_tensor_value_info("duration", INT, ["tokens"]))
    constants = {
        "first_sound": np.int64(17),  # below are punctuation and the space
        "phoneme": np.array([PHONEME, 1]),
        "tone": np.sin(2 * np.pi * 220 / RATE * np.arange(PHONEME)).astype(np.float32),
        "nothing": np.zeros(1, np.float32),
        "flat": np.array([-1]),
    }
    graph = helper.make_graph(
        [
            helper.make_node(operator, arguments.split(), [output], **dict(*attributes))
            for operator, arguments, output, *attributes in nodes
        ],
        "tiny",
        [
            helper.make_tensor_value_info("tokens", INT, [1, "t"]),
            helper.make_tensor_value_info("style", FLOAT, [1, style]),
            helper.make_tensor_value_info("speed", FLOAT, [1]),
        ],
        outputs,
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())


def write_kokoro(folder: Path, *, durations: bool = True, style: int = 256) -> Path:
    """Write model and voices below `folder`, the folder of all models."""
    (folder / "kokoro").mkdir()
    write_model(folder / "kokoro" / "model.onnx", durations=durations, style=style)
    with (folder / "kokoro" / "voices.bin").open("wb") as file:
        np.savez(file, **{name: np.full((510, 1, 256), level, np.float32) for name, level in VOICES.items()})
    return folder
