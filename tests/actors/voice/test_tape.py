"""Files of recordings: what is written is read again, and what is damaged is said to be."""

import struct
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from troupe.actors.contracts import Transcript
from troupe.actors.realtime import client_events as client
from troupe.actors.realtime.names import Dialect
from troupe.actors.realtime.session_config import RealtimeSession, TranscriptionSession
from troupe.actors.voice import tape
from troupe.actors.voice.services import Services

NOBODY: Any = None
SETTINGS = {
    name: getattr(Services(recogniser=NOBODY, model=NOBODY, synthesizer=NOBODY, activity=NOBODY), name)
    for name in tape.SETTINGS
}
BEGAN = tape.Began(0.0, version=tape.VERSION, session=RealtimeSession(model="m"), dialect=Dialect.BETA, **SETTINGS)
SPOKEN = client.InputAudioBufferAppend(event_id="a", audio=b"\x01\x02")
RECORDS = [
    BEGAN,
    tape.Heard(0.5, tape.raw(SPOKEN)),
    tape.Misheard(0.75, "invalid_event", "what", "type", None),
    tape.Judged(1.0, 0.25),
    tape.Asked(1.0, 0, "stt", tape.raw({"rate": 16_000})),
    tape.Got(1.25, 0, tape.raw(Transcript("hello", final=True)), waited=True),
    tape.Over(1.5, 0, "broken_stream"),
    tape.Heard(2.0, tape.raw(client.ResponseCreate())),
]
WHOLE = tape.MAGIC + b"".join(map(tape.packed, RECORDS))


def read(path: Path, data: bytes) -> tape.Tape:
    file = path / "session.tape"
    file.write_bytes(data)
    return tape.read_tape(file)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, WHOLE)
    assert (found.began, found.torn, found.seconds) == (BEGAN, 0, 2.0)
    assert [type(record) for record in found.records] == [type(record) for record in RECORDS[1:]]
    assert tape.ANSWERS["stt"].decode(found.records[4].item) == Transcript("hello", final=True)
    assert list(tape.client_side(found)) == [(0.5, SPOKEN), (2.0, client.ResponseCreate())]


@pytest.mark.parametrize("session", [RealtimeSession(model="m"), TranscriptionSession()])
def test_a_session_of_each_kind_is_kept_with_all_that_it_began_with(tmp_path: Path, session: Any) -> None:
    began = tape.Began(0.0, version=tape.VERSION, session=session, dialect=Dialect.GA, **SETTINGS)
    found = read(tmp_path, tape.MAGIC + tape.packed(began)).began
    assert found == began
    assert asdict(found.patience) == asdict(SETTINGS["patience"])


def test_a_recording_that_was_cut_off_is_read_up_to_its_last_whole_record(tmp_path: Path) -> None:
    first, last = len(tape.MAGIC + tape.packed(BEGAN)), len(tape.packed(RECORDS[-1]))
    for end in range(len(WHOLE) - last, len(WHOLE)):
        found = read(tmp_path, WHOLE[:end])
        assert (len(found.records), found.torn) == (len(RECORDS) - 2, end - (len(WHOLE) - last))
    for end in (len(tape.MAGIC), first - 1):
        with pytest.raises(tape.NoTape, match=r"session\.tape ends before the session begins"):
            read(tmp_path, WHOLE[:end])


def test_damage_is_found_wherever_it_is(tmp_path: Path) -> None:
    for place in range(0, len(WHOLE), 3):
        damaged = bytearray(WHOLE)
        damaged[place] ^= 0x10
        with suppress(tape.NoTape):
            assert (
                read(tmp_path, bytes(damaged)).torn > 0
            )  # a length that leads behind the end looks as if the file had been cut off there


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "does not begin with TROUPETAPE"),
        (b"RIFF....WAVE", "does not begin with TROUPETAPE"),
        (tape.MAGIC + tape.packed(RECORDS[3]), "can't be read at byte 10"),
        (tape.MAGIC + struct.pack("<II", 2**31, 0), "damaged at byte 10: a record can't be 2147483648 bytes long"),
        (WHOLE[:-1] + b"\0", "the checksum of the record there is wrong"),
        (
            tape.MAGIC + tape.packed(tape.Began(0.0, version=9, session=BEGAN.session, dialect=Dialect.GA, **SETTINGS)),
            "is of version 9",
        ),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, data: bytes, says: str) -> None:
    with pytest.raises(tape.NoTape, match=says):
        read(tmp_path, data)
