"""Whatever a page says, in whatever order: words come once, in order, and time only goes forward."""

from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.contracts import Speech
from troupe.actors.providers.browser.recitation import Recitation
from troupe.actors.realtime.page_events import SpeechEnded, SpeechProgress

TEXTS = st.lists(st.text(alphabet="ab .,é世\n", min_size=1, max_size=20), min_size=1, max_size=4)
COUNTS = st.integers(0, 30)
TOLD = st.one_of(
    st.builds(SpeechProgress, call=st.just(0), piece=COUNTS, ms=COUNTS, characters=st.none() | COUNTS),
    st.builds(SpeechEnded, call=st.just(0), piece=COUNTS, ms=COUNTS),
)


def taken(recitation: Recitation) -> list[Speech]:
    speeches: list[Speech] = []
    while (speech := recitation.next()) is not None:
        speeches.append(speech)
    return speeches


@given(TEXTS, st.lists(st.one_of(TOLD, st.just("take")), max_size=40))
def test_each_word_comes_once_and_in_order(texts: list[str], said: list[object]) -> None:
    recitation, speeches = Recitation(), list[Speech]()
    for text in texts:
        recitation.add(text, silent=not text.strip(" .,\n"))
    for told in said:
        if told == "take":
            speeches += taken(recitation)
        else:
            recitation.take(told)
    for piece in range(len(texts)):
        recitation.take(SpeechEnded(call=0, piece=piece, ms=31))
        speeches += taken(recitation)
    recitation.complete = True
    assert recitation.done
    assert [speech.piece for speech in speeches if speech.last] == list(range(len(texts)))
    assert [speech.piece for speech in speeches] == sorted(speech.piece for speech in speeches)
    assert all(speech.heard >= 0 for speech in speeches)
    for piece, text in enumerate(texts):
        words = [word for speech in speeches if speech.piece == piece for word in speech.words]
        spoken = text if text.strip(" .,\n") else ""
        assert "".join(word.text for word in words) == "".join(spoken.split())
        assert [word.end for word in words] == sorted(word.end for word in words)
    assert sum(speech.heard for speech in speeches) <= 0.031 * len(texts) + 1e-9
