"""The beta's shapes by themselves; what they do in events and sessions is tested there."""

import pytest
from troupe.actors.realtime import beta
from troupe.actors.realtime.diagnosis import Path


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (("session", "audio", "output", "voice"), ("session", "voice")),
        (("session", "audio", "input", "turn_detection", "threshold"), ("session", "turn_detection", "threshold")),
        (("session", "tools", 0, "name"), ("session", "tools", 0, "name")),
        (("session", "elsewhere"), ("session", "elsewhere")),
    ],
)
def test_paths_are_told_in_the_clients_shape(ours: Path, theirs: Path) -> None:
    assert beta.session_path(ours) == theirs


def test_what_is_no_item_is_left_to_the_types() -> None:
    for odd in (None, 1, [], {}, {"role": "assistant", "content": 5}):
        assert beta.item_to_ga(odd) == odd
    odd = {"role": "assistant", "content": [None, {"type": 5}, {"type": "text"}]}
    assert beta.item_to_ga(odd) == {"role": "assistant", "content": [None, {"type": 5}, {"type": "output_text"}]}


def test_a_session_goes_there_and_back() -> None:
    flat = {"voice": "ash", "input_audio_format": "g711_ulaw", "modalities": ["text"], "turn_detection": None}
    assert beta.session_to_ga(flat) == {
        "audio": {
            "output": {"voice": "ash"},
            "input": {"format": {"type": "audio/pcmu"}, "turn_detection": None},
        },
        "output_modalities": ["text"],
    }
