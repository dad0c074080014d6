"""What is left of a text when a voice breaks off."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from troupe.actors.contracts import Speech, Word
from troupe.actors.routing.recital import Recital, Restraint, briefest

RATE = 16_000
WORD = 0.25  # seconds


def chunk(piece: int, seconds: float, *words: Word, rate: int = RATE, level: int = 1, last: bool = False) -> Speech:
    return Speech(piece, np.full(round(seconds * rate), level, np.int16).tobytes(), rate, words, last)


def timed(text: str, piece: int = 0, rate: int = RATE) -> list[Speech]:
    """One chunk per word, with its time, and the end of the piece."""
    words = [Word(word, WORD * place, WORD * (place + 1)) for place, word in enumerate(text.split())]
    return [*(chunk(piece, WORD, word, rate=rate) for word in words), chunk(piece, 0, rate=rate, last=True)]


def seconds(*speeches: Speech) -> float:
    return sum(len(speech.pcm) // 2 / speech.rate for speech in speeches)


def reciting(*texts: str) -> Recital:
    recital = Recital()
    for text in texts:
        recital.add(text)
    recital.complete = True
    recital.begin()
    return recital


def take(recital: Recital, speech: Speech) -> Speech:
    """Have a recital take a speech, and nothing kept back."""
    taken = recital.take(speech)
    assert taken is not None
    return taken


def test_one_voice_is_passed_through_as_it_is() -> None:
    recital = reciting("One two three.", "Four.")
    speeches = [*timed("One two three."), *timed("Four.", piece=1)]
    assert [take(recital, speech) for speech in speeches] == speeches
    assert recital.done
    assert recital.begin() is None


@pytest.mark.parametrize("said", range(4))
def test_the_next_voice_begins_with_the_word_after_the_last_one_said(said: int) -> None:
    words = ["Well,", "one...", "(two)", "three!"]
    recital = reciting(" ".join(words), "Four.")
    given = [take(recital, speech) for speech in timed(" ".join(words))[:said]]
    assert recital.begin() is None
    left = recital.text(0)
    assert left == " ".join(words[said:])
    assert recital.text(1) == "Four."
    given += [take(recital, speech) for speech in (*timed(left), *timed("Four.", piece=1))]
    assert recital.done
    assert seconds(*given) == 5 * WORD
    assert [word.text for speech in given for word in speech.words] == [*words, "Four."]
    starts = [word.start for speech in given for word in speech.words]
    assert starts == [0, WORD, 2 * WORD, 3 * WORD, 0]  # from the start of the piece, whoever speaks
    assert [speech.piece for speech in given if speech.last] == [0, 1]


def test_a_word_that_broke_off_is_said_again_and_one_that_was_announced_only_is_said() -> None:
    recital = reciting("One two three.")
    words = [Word("One", 0, 0.25), Word("two", 0.25, 0.5), Word("three.", 0.5, 0.9)]
    take(recital, chunk(0, 0.4, *words))
    recital.begin()
    assert recital.text(0) == "two three."


def test_a_piece_whose_words_have_all_been_said_is_ended() -> None:
    recital = reciting("One two.", "Three.")
    *words, _ = timed("One two.")
    for word in words:
        take(recital, word)
    assert recital.begin() == Speech(0, b"", RATE, last=True)
    assert recital.piece == 1
    assert recital.text(1) == "Three."
    assert [take(recital, speech).piece for speech in timed("Three.")] == [1, 1]
    assert recital.done


def test_a_third_voice_begins_where_the_second_one_stopped() -> None:
    recital = reciting("One two three four.")
    for left in ("One two three four.", "two three four.", "three four."):
        recital.begin()
        assert recital.text(0) == left
        take(recital, timed(left)[0])
    recital.begin()  # this one fails before it has said anything
    recital.begin()
    assert recital.text(0) == "four."
    assert take(recital, timed("four.")[0]).words == (Word("four.", 3 * WORD, 4 * WORD),)


def test_without_word_times_the_place_is_estimated_at_the_end_of_a_word() -> None:
    text = "It was the best of times, it was the worst of times, it was the age of wisdom."
    total = len(text) * 0.065  # the pace of speech that is assumed
    for tenths in range(1, 10):
        recital = reciting(text)
        take(recital, chunk(0, total * tenths / 10))
        recital.begin()
        said = text[: len(text) - len(recital.text(0))]
        assert text == said + recital.text(0)
        assert said == "" or (said[-1] == " " and recital.text(0)[0] != " ")
        truth = len(text) * tenths / 10
        assert truth - 18 < len(said) <= truth  # a word or two may be said twice, but none is lost


def test_the_pace_of_a_voice_is_learnt_from_its_pieces() -> None:
    text = "It was the best of times, it was the worst of times, it was the age of wisdom."
    recital = reciting("One two three four five six seven eight.", text)
    take(recital, chunk(0, len("One two three four five six seven eight.") * 0.13, last=True))  # half as fast as usual
    take(recital, chunk(1, len(text) * 0.13 / 2))
    recital.begin()
    said = len(text) - len(recital.text(1))
    assert len(text) / 2 - 14 < said <= len(text) / 2


def test_the_rate_stays_that_of_the_first_voice() -> None:
    recital = reciting("One two.", "Three.")
    first = take(recital, timed("One two.", rate=24_000)[0])
    recital.begin()
    given = [take(recital, speech) for speech in (*timed("two.", rate=16_000), *timed("Three.", 1, rate=16_000))]
    assert {speech.rate for speech in (first, *given)} == {24_000}
    assert seconds(first, *given) == pytest.approx(3 * WORD)
    for piece, length in ((0, WORD), (1, WORD)):  # exact to the sample, piece by piece
        assert sum(len(speech.pcm) for speech in given if speech.piece == piece) == round(length * 24_000) * 2


@pytest.mark.parametrize(("missing", "left"), [(0.0, "two."), (0.005, "two."), (0.05, "One two.")])
def test_a_word_of_which_nothing_can_be_missed_is_not_said_again(missing: float, left: str) -> None:
    """Times of words are rounded: a chunk that ends with a word may end before it, by what its provider says."""
    recital = reciting("One two.")
    take(recital, chunk(0, WORD - missing, Word("One", 0, WORD)))
    recital.begin()
    assert recital.text(0) == left


def test_a_voice_that_says_nothing_or_too_little_is_noticed() -> None:
    end = Speech(0, b"", RATE, last=True)
    assert reciting("One.").is_short(end)
    assert not reciting("...").is_short(end)
    assert not reciting("One.").is_short(Speech(0, b"", RATE))
    assert not reciting("One.").is_short(chunk(0, 0.1, last=True))
    assert not reciting().is_short(end)
    for said, short in ((0.1, False), (0.05, True)):
        recital = reciting("One.")
        recital.take(chunk(0, said), Restraint.PATIENT)
        assert recital.is_short(end) is short
    assert not Recital(2).is_short(end)
    recital = reciting("One two three four.")
    take(recital, timed("One two three four.")[0])
    recital.begin()
    assert recital.is_short(chunk(0, 0.3, last=True))  # of the three words that are left
    assert not recital.is_short(chunk(0, 0.5, last=True))


@pytest.mark.parametrize("piece", [-1, 1, 2])
def test_a_voice_that_speaks_out_of_turn_is_refused(piece: int) -> None:
    with pytest.raises(ValueError, match="another piece"):
        reciting("One.", "Two.").take(chunk(piece, 0.1))
    with pytest.raises(ValueError, match="another piece"):
        reciting().take(chunk(0, 0.1))


words = st.lists(
    st.sampled_from(["one", "Two,", "three.", "it's", "42", "(so)", "—", "übrigens"]), min_size=1, max_size=8
)


@example(texts=[["one"] * 4, ["one"] * 8, ["one"] * 4, ["—", "—", "one"]], stops=[9, 12])  # broken off after marks
@example(texts=[["one"] * 7 + ["übrigens"], ["—", "one"]], stops=[4, 6])
@given(texts=st.lists(words, min_size=1, max_size=4), stops=st.lists(st.integers(0, 12), max_size=5))
def test_every_word_is_said_once_however_often_the_voice_changes(texts: list[list[str]], stops: list[int]) -> None:
    """Each voice gives a chunk per word and breaks off after so many of them; its audio is the number of the word."""
    recital = reciting(*(" ".join(text) for text in texts))
    told: list[tuple[int, str]] = []
    lasts: list[int] = []
    for stop in [*stops, 10**6]:
        if (end := recital.begin()) is not None:
            lasts.append(end.piece)
        first, chunks = recital.piece, 0
        while not recital.done and chunks <= stop:
            number = recital.piece - first
            for speech in timed(recital.text(recital.piece), number):
                chunks += 1
                if chunks > stop:
                    break
                taken = take(recital, speech)
                told += [(taken.piece, word.text) for word in taken.words]
                lasts += [taken.piece] if taken.last else []
    spoken = [(piece, word) for piece, text in enumerate(texts) for word in text if any(map(str.isalnum, word))]
    assert [each for each in told if any(map(str.isalnum, each[1]))] == spoken
    assert lasts == list(range(len(texts)))


# -- what is kept back -------------------------------------------------------------------------------------------------


def singing(text: str, lengths: list[float], told: float, chunk_seconds: float) -> list[Speech]:
    """A voice whose words last as long as they do, told of so long after (or before) their end, in chunks of one size.

    Its audio is the number of the word, and silence between words.
    """
    parts: list[np.ndarray[tuple[int], np.dtype[np.int16]]] = []
    words: list[Word] = []
    at = 0.1
    parts.append(np.zeros(round(0.1 * RATE), np.int16))
    for number, (word, length) in enumerate(zip(text.split(), lengths, strict=False)):
        parts += [np.full(round(length * RATE), number + 1, np.int16), np.zeros(round(0.02 * RATE), np.int16)]
        words.append(Word(word, at, at + length))
        at += length + 0.02
    pcm = np.concatenate(parts)
    size, speeches = round(chunk_seconds * RATE), list[Speech]()
    for start in range(0, len(pcm), size):
        end = (start + size) / RATE
        now = tuple(word for word in words if word.end + told <= end)
        words = words[len(now) :]
        speeches.append(Speech(0, pcm[start : start + size].tobytes(), RATE, now))
    return [*speeches, Speech(0, b"", RATE, tuple(words), last=True)]


def whole_words(speeches: list[Speech], offset: int, lengths: list[float]) -> list[int]:
    """The numbers of words that are there to their end; the last hundredth of a second of one is not missed."""
    levels = np.frombuffer(b"".join(speech.pcm for speech in speeches), np.int16)
    counts = np.bincount(levels, minlength=len(lengths) + 1)[1:]
    return [
        offset + number
        for number, (count, length) in enumerate(zip(counts, lengths, strict=True))
        if count >= round((length - 0.011) * RATE)
    ]


SPOKEN = "Well, the tower is three hundred metres high, more or less."


@given(
    lengths=st.lists(st.floats(1.0, 4.0), min_size=11, max_size=11),
    told=st.sampled_from([-0.3, 0.0, 0.01, 0.15, 0.4]),
    chunk_seconds=st.sampled_from([0.02, 0.05, 0.1, 0.16, 0.6]),
    cut=st.integers(0, 200),
    eager=st.lists(st.booleans(), min_size=1, max_size=8),
)
def test_wherever_a_voice_breaks_off_no_word_is_heard_twice_and_none_is_lost(
    lengths: list[float], told: float, chunk_seconds: float, cut: int, eager: list[bool]
) -> None:
    """Words last as long as they do at least, or up to four times that, and are told early or late."""
    words = SPOKEN.split()
    lengths = [length * (briefest(word.strip(",.")) + 0.03) for word, length in zip(words, lengths, strict=True)]
    recital = reciting(SPOKEN)
    recital.begin(tells=True)
    given: list[Speech] = []
    for number, speech in enumerate(singing(SPOKEN, lengths, told, chunk_seconds)[:cut]):
        restraint = Restraint.EAGER if eager[number % len(eager)] else Restraint.PATIENT
        taken = recital.take(speech, restraint)
        given += [taken] if taken is not None else []
    heard = whole_words(given, 0, lengths)
    end = recital.begin()
    left = recital.text(0).split() if not recital.done else []
    again = range(len(words) - len(left), len(words))
    assert (end is not None) == (bool(heard) and not left and not any(speech.last for speech in given))
    assert [*heard, *again] == list(range(len(words)))
    assert [word.text for speech in given for word in speech.words] == words[: len(heard)]


@pytest.mark.parametrize("restraint", [Restraint.EAGER, Restraint.PATIENT])
def test_what_was_kept_back_comes_as_soon_as_it_is_told_of(restraint: Restraint) -> None:
    recital = reciting("Tower one.")
    first = recital.take(chunk(0, 0.3), restraint)
    assert (seconds(first) if first else 0) == pytest.approx(briefest("Tower") if restraint is Restraint.EAGER else 0)
    told = recital.take(chunk(0, 0.1, Word("Tower", 0.0, 0.3)), Restraint.PATIENT)
    assert told is not None
    assert seconds(*([first] if first else []), told) == pytest.approx(0.3, abs=0.011)
    assert told.words == (Word("Tower", 0.0, 0.3),)
    last = recital.take(chunk(0, 0, last=True), Restraint.PATIENT)
    assert last is not None
    assert seconds(*([first] if first else []), told, last) == pytest.approx(0.4)


def test_a_voice_that_tells_of_no_words_is_not_kept_back_for_long_from_a_caller_who_has_nothing_to_play() -> None:
    recital = reciting("Tower one.", "Two.")
    taken = [recital.take(chunk(0, 0.2), Restraint.EAGER) for _ in range(6)]
    assert seconds(*filter(None, taken)) == pytest.approx(1.2)
    recital.take(chunk(0, 0.2), Restraint.PATIENT)
    assert recital.tells is None
    end = recital.take(chunk(0, 0, last=True), Restraint.PATIENT)
    assert end is not None
    assert seconds(end) == pytest.approx(0.2)
    assert recital.tells is False
    recital.begin(tells=False)
    assert recital.take(chunk(0, 0.3), Restraint.PATIENT) is None
    now = recital.take(chunk(0, 0.1), Restraint.EAGER)
    assert now is not None
    assert seconds(now) == pytest.approx(0.4)
    recital.begin()
    assert recital.tells is None
