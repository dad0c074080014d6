"""Audio of items is kept within a bound, and never in part."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.voice.recordings import Recordings, heard_as
from troupe.codecs.audio_format import G711_ULAW, PCM16


def test_the_oldest_audio_goes_first() -> None:
    kept = Recordings(10)
    kept.add("a", b"12345")
    kept.add("b", b"678")
    kept.add("b", b"90")
    assert (kept.get("a"), kept.get("b")) == (b"12345", b"67890")
    kept.add("c", b"x")
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (b"", b"67890", b"x")


def test_an_item_that_is_too_long_is_not_kept_in_part() -> None:
    kept = Recordings(10)
    kept.add("a", b"1" * 8)
    kept.add("a", b"2" * 3)
    kept.add("a", b"3")
    assert kept.get("a") == b""
    assert kept.size == 0


def test_what_is_cut_or_forgotten_makes_room() -> None:
    kept = Recordings(10)
    kept.add("a", b"123456")
    kept.cut("a", 4)
    kept.cut("nobody", 4)
    assert (kept.get("a"), kept.size) == (b"1234", 4)
    kept.forget("a")
    kept.forget("a")
    assert (kept.get("a"), kept.size) == (b"", 0)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 8)), max_size=40))
def test_the_bound_holds(additions: list[tuple[str, int]]) -> None:
    kept = Recordings(16)
    whole = dict.fromkeys("abc", b"")
    for name, size in additions:
        audio = name.encode() * size
        whole[name] += audio
        kept.add(name, audio)
        assert kept.size == sum(len(kept.get(each)) for each in "abc") <= 16
    assert all(kept.get(name) in (b"", whole[name]) for name in "abc")


def test_the_client_gets_its_own_format_back() -> None:
    tone = (8000 * np.sin(np.arange(16_000) / 10)).astype(np.int16)
    for form in (PCM16, G711_ULAW):
        heard = form.decode(heard_as(form, tone.tobytes()))
        assert len(heard) == form.rate
        assert np.abs(heard.astype(int)).max() > 7000
