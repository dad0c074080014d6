"""Which audio another connection is told."""

from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.speech_to_speech.user_audio import AGAIN_MS, MOST, UNNOTICED_MS, UserAudio

PER_MS = 48
PIECES = st.lists(st.binary(min_size=1, max_size=40).map(lambda data: data * PER_MS), max_size=8)


@given(PIECES, PIECES, PIECES)
def test_what_was_committed_and_not_confirmed_is_told_apart(
    first: list[bytes], then: list[bytes], last: list[bytes]
) -> None:
    audio = UserAudio(PER_MS, detected=False)
    for pieces in (first, then):
        for piece in pieces:
            audio.append(piece)
        audio.mark()
    assert audio.committed() == b"".join(first)
    for piece in last:
        audio.append(piece)
    begin, told = audio.again()
    assert told == [b"".join(then), b"".join(last)]
    assert begin == len(b"".join(first)) / PER_MS


def test_a_turn_under_way_is_told_from_its_beginning() -> None:
    audio = UserAudio(PER_MS, detected=True)
    audio.append(bytes(5000 * PER_MS))
    audio.append(b"\1" * 1000 * PER_MS)
    audio.started(4700)
    begin, (told,) = audio.again()
    assert (begin, len(told)) == (4700, 1300 * PER_MS)
    assert told[300 * PER_MS :] == b"\1" * 1000 * PER_MS


def test_a_turn_that_is_over_is_not_told() -> None:
    audio = UserAudio(PER_MS, detected=True)
    audio.append(bytes(3000 * PER_MS))
    audio.started(1000)
    audio.stopped(2500)
    assert len(audio.committed()) == 1500 * PER_MS
    begin, (told,) = audio.again()
    assert (begin, len(told)) == (2500, 500 * PER_MS)


def test_silence_is_not_kept_for_long() -> None:
    audio = UserAudio(PER_MS, detected=True)
    for _ in range(100):
        audio.append(bytes(100 * PER_MS))
    audio.started(10_000 - UNNOTICED_MS - 500)  # longer ago than is kept
    assert len(audio.committed()) == UNNOTICED_MS * PER_MS
    audio.append(bytes(2000 * PER_MS))
    begin, (told,) = audio.again()
    assert (begin, len(told)) == (12_000 - AGAIN_MS, AGAIN_MS * PER_MS)


def test_the_latest_is_kept_of_what_does_not_fit() -> None:
    audio = UserAudio(PER_MS, detected=False)
    audio.append(bytes(MOST))
    audio.append(b"\1" * PER_MS)
    begin, (told,) = audio.again()
    assert begin == 1
    assert len(told) == MOST
    assert told.endswith(b"\1" * PER_MS)


def test_what_was_cleared_is_not_told_but_what_was_committed_before() -> None:
    audio = UserAudio(PER_MS, detected=False)
    audio.append(b"\1" * PER_MS)
    audio.mark()
    audio.append(b"\2" * PER_MS)
    audio.clear()
    assert audio.again()[1] == [b"\1" * PER_MS, b""]
    audio.unmark()
    audio.clear()
    assert audio.again()[1] == [b""]


def test_another_format_is_another_beginning() -> None:
    audio = UserAudio(PER_MS, detected=False)
    audio.append(bytes(100 * PER_MS))
    audio.change(8, detected=False)
    audio.append(bytes(80))
    assert audio.again() == (100, [bytes(80)])
