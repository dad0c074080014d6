import pickle
from itertools import product

import msgspec
import pytest
from troupe.actors.inference import results

WORD = results.Word("hello", 0.1, 0.5, 0.9)


@pytest.mark.parametrize(
    "result",
    [
        WORD,
        results.Hypothesis("hello", (WORD,), final=True),
        results.SpeechChunk(b"\0\0", 22050, (WORD,)),
        results.Voice("en-us", "English", ("en-us", "en"), "male"),
    ],
    ids=lambda result: type(result).__name__,
)
def test_results_cross_a_process_border_and_do_not_change(result: msgspec.Struct) -> None:
    copies = (
        pickle.loads(pickle.dumps(result)),
        msgspec.msgpack.decode(msgspec.msgpack.encode(result), type=type(result)),
    )
    for copy, field in product(copies, type(result).__struct_fields__):
        assert copy == result
        with pytest.raises(AttributeError):
            setattr(copy, field, None)
