from typing import Any

import pytest
from troupe.actors.contracts import CloneVoice
from troupe.actors.errors import InvalidRequest
from troupe.actors.voices import recorded
from troupe.codecs.audio_writer import wav_header

WAV = wav_header(8000, 1, 2) + bytes(2)
FLAC = b"fLaC" + bytes(40)
TAKEN: Any = {"field": "files", "formats": frozenset({"wav", "flac"}), "most": 2, "largest": 100}


def test_recordings_become_files_that_are_called_after_what_is_in_them() -> None:
    files = recorded(CloneVoice(name="Anna", recordings=(WAV, FLAC)), "x", **TAKEN)
    assert [(file.field, file.name, file.content_type, file.content) for file in files] == [
        ("files", "recording-0.wav", "audio/wav", WAV),
        ("files", "recording-1.flac", "audio/flac", FLAC),
    ]


@pytest.mark.parametrize(
    ("recordings", "reason"),
    [
        ((), "there are 0"),
        ((WAV,) * 3, "give 1 to 2"),
        ((WAV, WAV + bytes(99)), "recording 1 has"),
        ((b"x",), "none of"),
    ],
)
def test_what_is_no_recording_is_refused(recordings: tuple[bytes, ...], reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        recorded(CloneVoice(name="Anna", recordings=recordings), "x", **TAKEN)
