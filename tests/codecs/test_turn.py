"""Turn detection: what each sequence of sound, words and time leads to, and the laws that hold for all of them."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from troupe.codecs.silero import SileroModel
from troupe.codecs.turn import SILENCE_BOUNDS, SemanticVad, ServerVad, TurnDetector, silence_wanted
from troupe.codecs.turn_table import (
    Agent,
    Decision,
    Dropped,
    Ended,
    IdleTimeout,
    Interrupted,
    MaybeEnded,
    Resumed,
    SpeechStarted,
    User,
)
from troupe.codecs.vad import VadStream, step

W = 512
SOUNDS = {"#": 0.9, "~": 0.4, ".": 0.05}


def hear(turn: TurnDetector, sounds: str) -> list[Decision]:
    """One character per window: ``#`` voice, ``~`` between the thresholds, ``.`` quiet."""
    return [decision for sound in sounds for decision in turn.window(SOUNDS[sound])]


def kinds(decisions: Sequence[Decision]) -> list[type[Decision]]:
    return [type(decision) for decision in decisions]


def test_one_turn() -> None:
    turn = TurnDetector(ServerVad())
    assert hear(turn, "." * 20 + "#" * 10 + "." * 20) == [
        SpeechStarted(22 * W, start=20 * W - 4800),
        MaybeEnded(34 * W, speech_end=30 * W),
        Ended(46 * W, start=20 * W - 4800, speech_end=30 * W, respond=True),  # 16 windows are the first 500 ms or more
    ]
    assert turn.user is User.ENDED
    assert turn.position == 50 * W


@pytest.mark.parametrize(
    ("sounds", "expected"),
    [
        ("." * 50, []),
        ("~" * 50, []),
        ("..#......", []),  # a click
        ("..#.#.#.#....", []),
        (".#~#....", [SpeechStarted, MaybeEnded]),
        ("#####" + "~" * 40, [SpeechStarted]),  # neither voice nor quiet: it goes on, as in Silero's iterator
        ("####...####", [SpeechStarted]),  # too short a pause to be one
        ("####....####", [SpeechStarted, MaybeEnded, Resumed]),
        ("####....~~~~#", [SpeechStarted, MaybeEnded, Resumed]),
        ("####..~~....", [SpeechStarted, MaybeEnded]),
        ("####" + "." * 15 + "#", [SpeechStarted, MaybeEnded, Resumed]),
        ("####" + "." * 16 + "#", [SpeechStarted, MaybeEnded, Ended]),
        ("####" + "." * 16 + "##", [SpeechStarted, MaybeEnded, Ended, SpeechStarted]),
        ("####" + "." * 16 + "#.##", [SpeechStarted, MaybeEnded, Ended, SpeechStarted]),
    ],
)
def test_sounds(sounds: str, expected: list[type[Decision]]) -> None:
    assert kinds(hear(TurnDetector(ServerVad()), sounds)) == expected


def test_the_lower_threshold_is_as_silero_has_it() -> None:
    turn = TurnDetector(ServerVad(threshold=0.8))
    for _ in range(3):
        turn.window(0.8)
    assert not [turn.window(0.66) for _ in range(40) if turn.window(0.66)]
    assert MaybeEnded in kinds([decision for _ in range(5) for decision in turn.window(0.64)])
    low = TurnDetector(ServerVad(threshold=0.1))
    assert SpeechStarted in kinds([*low.window(0.1), *low.window(0.1)])
    assert kinds([decision for _ in range(20) for decision in low.window(0.009)]) == [MaybeEnded, Ended]


def test_the_padding_never_reaches_into_an_earlier_turn() -> None:
    turn = TurnDetector(ServerVad(prefix_padding_ms=1000))
    first, *_, ended, second = hear(turn, "####" + "." * 20 + "####")
    assert first.start == 0
    assert ended.position == 20 * W
    assert second == SpeechStarted(26 * W, start=20 * W)


def test_short_silence_needs_no_pause_first() -> None:
    turn = TurnDetector(ServerVad(silence_duration_ms=32))
    decisions = hear(turn, "####.")
    assert kinds(decisions) == [SpeechStarted, MaybeEnded, Ended]
    assert decisions[1].position == decisions[2].position == 5 * W


def test_at_8_khz() -> None:
    turn = TurnDetector(ServerVad(), rate=8_000)
    assert hear(turn, "." * 20 + "##")[0] == SpeechStarted(22 * 256, start=20 * 256 - 2400)


@pytest.mark.parametrize("busy", [Agent.THINKING, Agent.SPEAKING])
def test_speech_interrupts_a_busy_agent(busy: Agent) -> None:
    turn = TurnDetector(ServerVad())
    turn.agent_is(busy)
    assert hear(turn, "..##") == [SpeechStarted(4 * W, 0), Interrupted(4 * W)]
    assert turn.agent is Agent.IDLE


def test_a_click_does_not_interrupt() -> None:
    turn = TurnDetector(ServerVad())
    turn.agent_is(Agent.SPEAKING)
    assert hear(turn, "..#..#..") == []
    assert turn.agent is Agent.SPEAKING


def test_no_interruption_if_not_wanted() -> None:
    turn = TurnDetector(ServerVad(interrupt_response=False, create_response=False))
    turn.agent_is(Agent.SPEAKING)
    *_, ended = decisions = hear(turn, "####" + "." * 16)
    assert kinds(decisions) == [SpeechStarted, MaybeEnded, Ended]
    assert ended.respond is False
    assert turn.agent is Agent.SPEAKING


def test_what_the_user_hears_of_the_agent_ends_the_wait() -> None:
    turn = TurnDetector(ServerVad())
    hear(turn, "####" + "." * 16)
    turn.agent_is(Agent.THINKING)
    assert turn.user is User.ENDED
    turn.agent_is(Agent.SPEAKING)
    assert turn.user is User.SILENCE


class TestIdleTimeout:
    WINDOWS = -(-5000 // 32)

    def turn(self) -> TurnDetector:
        return TurnDetector(ServerVad(idle_timeout_ms=5000))

    def speak(self, turn: TurnDetector) -> None:
        turn.agent_is(Agent.THINKING)
        turn.agent_is(Agent.SPEAKING)
        hear(turn, "....")
        turn.agent_is(Agent.IDLE)

    def test_it_comes_once_after_the_agent_has_finished(self) -> None:
        turn = self.turn()
        assert hear(turn, "." * 400) == [], "before the agent has done anything"
        self.speak(turn)
        start = turn.position
        assert hear(turn, "." * (self.WINDOWS - 1)) == []
        assert hear(turn, "." * 500) == [IdleTimeout(start + self.WINDOWS * W, start)]
        self.speak(turn)
        assert kinds(hear(turn, "." * 500)) == [IdleTimeout]

    def test_clicks_do_not_delay_it(self) -> None:
        turn = self.turn()
        self.speak(turn)
        assert kinds(hear(turn, ".#...." * 40)) == [IdleTimeout]

    def test_speech_prevents_it(self) -> None:
        turn = self.turn()
        self.speak(turn)
        assert IdleTimeout not in kinds(hear(turn, "." * 100 + "####" + "." * 1000))

    def test_finishing_while_the_user_speaks_does_not_start_it(self) -> None:
        turn = TurnDetector(ServerVad(idle_timeout_ms=5000, interrupt_response=False))
        turn.agent_is(Agent.SPEAKING)
        hear(turn, "####")
        turn.agent_is(Agent.IDLE)
        assert kinds(hear(turn, "#" * 400 + "." * 400)) == [MaybeEnded, Ended]

    def test_time_without_audio_counts(self) -> None:
        turn = self.turn()
        self.speak(turn)
        start = turn.position
        assert turn.elapse(4.9) == ()
        assert turn.elapse(0.1) == (IdleTimeout(start, start),)


def test_time_without_audio_ends_a_turn() -> None:
    turn = TurnDetector(ServerVad())
    hear(turn, "####")
    assert turn.elapse(0.1) == ()
    assert turn.elapse(0.1) == (MaybeEnded(4 * W, 4 * W),)
    assert turn.elapse(5) == (Ended(4 * W, 0, 4 * W, respond=True),)
    assert hear(turn, "..##") == [SpeechStarted(8 * W, start=4 * W)]
    with pytest.raises(ValueError, match="backwards"):
        turn.elapse(-1)


def test_a_commit_ends_the_turn_without_a_response() -> None:
    turn = TurnDetector(ServerVad())
    hear(turn, "..####")
    assert turn.commit() == (Ended(6 * W, 0, 6 * W, respond=False),)
    assert turn.commit() == ()
    assert hear(turn, "##") == [SpeechStarted(8 * W, start=6 * W)], "who goes on speaking begins another turn"
    hear(turn, "....")
    assert turn.commit()[0].speech_end == 8 * W


def test_clear_drops_the_turn() -> None:
    turn = TurnDetector(ServerVad())
    hear(turn, "####")
    assert turn.clear() == (Dropped(4 * W),)
    assert turn.clear() == ()
    assert hear(turn, "." * 30 + "##") == [SpeechStarted(36 * W, start=34 * W - 4800)]


def test_a_commit_in_the_middle_of_an_onset_uses_it_up() -> None:
    turn = TurnDetector(ServerVad())
    hear(turn, ".#")
    assert turn.commit() == ()
    assert turn.user is User.SILENCE
    assert hear(turn, "##") == [SpeechStarted(4 * W, start=2 * W)]


def test_manual_mode_decides_nothing() -> None:
    turn = TurnDetector(None)
    assert hear(turn, "." * 5 + "#" * 20 + "." * 200) == []
    assert turn.elapse(60) == turn.commit() == turn.clear() == ()
    assert turn.position == 225 * W


def test_other_parameters_in_the_middle_of_a_turn() -> None:
    turn = TurnDetector(ServerVad(silence_duration_ms=2000))
    hear(turn, "####")
    assert turn.reconfigure(ServerVad(silence_duration_ms=200)) == ()
    assert kinds(hear(turn, "." * 7)) == [MaybeEnded, Ended]
    hear(turn, "####")
    assert kinds(turn.reconfigure(None)) == [Ended]
    assert hear(turn, "####") == []
    turn.reconfigure(SemanticVad())
    assert kinds(hear(turn, "##")) == [SpeechStarted]


def seconds_until_the_end(turn: TurnDetector) -> float:
    for windows in itertools.count(1):
        if Ended in kinds(hear(turn, ".")):
            return windows * W / 16_000
    raise AssertionError


class TestSemantic:
    @pytest.mark.parametrize("eagerness", ["low", "medium", "high", "auto"])
    def test_the_transcript_sets_the_silence(self, eagerness: Any) -> None:
        least, most = SILENCE_BOUNDS[eagerness]
        waits = []
        for text in ("What time is it?", "", "I would like to go to the"):
            turn = TurnDetector(SemanticVad(eagerness=eagerness))
            hear(turn, "####")
            turn.transcript(text)
            waits.append(seconds_until_the_end(turn))
        done, unknown, unfinished = waits
        assert least <= done < least + 0.1
        assert unknown == pytest.approx(silence_wanted(eagerness, 0.5), abs=0.032)
        assert 0.8 * most < unfinished <= most + 0.032

    def test_a_transcript_that_comes_during_the_pause_ends_the_turn_at_once(self) -> None:
        turn = TurnDetector(SemanticVad(eagerness="low"))
        hear(turn, "####" + "." * 40)
        assert turn.transcript("I want") == ()
        assert kinds(turn.transcript("I want it.")) == [Ended]
        assert turn.transcript("I want it. And") == (), "too late"

    def test_a_turn_starts_without_the_last_ones_transcript(self) -> None:
        turn = TurnDetector(SemanticVad())
        hear(turn, "####")
        turn.transcript("Yes.")
        seconds_until_the_end(turn)
        hear(turn, "####")
        assert seconds_until_the_end(turn) == pytest.approx(silence_wanted("auto", 0.5), abs=0.032)

    def test_a_judgement_between_turns_is_not_for_the_next(self) -> None:
        turn = TurnDetector(SemanticVad(eagerness="high"))
        assert turn.completion(1.0) == ()
        hear(turn, "####")
        assert seconds_until_the_end(turn) == pytest.approx(silence_wanted("high", 0.5), abs=0.032)

    def test_another_scorer(self) -> None:
        class Patient:
            def score(self, transcript: str) -> float:
                return -3.0

        turn = TurnDetector(SemanticVad(eagerness="high"), scorer=Patient())
        hear(turn, "####")
        turn.transcript("Yes.")
        assert seconds_until_the_end(turn) == pytest.approx(2.0, abs=0.032)

    def test_a_transcript_changes_nothing_for_server_vad(self) -> None:
        turn = TurnDetector(ServerVad())
        hear(turn, "####")
        turn.completion(0.0)
        turn.transcript("I would like to go to the")
        assert seconds_until_the_end(turn) == 0.512

    @given(st.floats(0, 1), st.floats(0, 1))
    def test_the_more_complete_the_shorter(self, one: float, other: float) -> None:
        for eagerness, (least, most) in SILENCE_BOUNDS.items():
            low, high = (silence_wanted(eagerness, score) for score in sorted((one, other)))
            assert least <= high <= low <= most


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("threshold", 1.1),
        ("threshold", -0.1),
        ("prefix_padding_ms", -1),
        ("silence_duration_ms", -1),
        ("idle_timeout_ms", 4999),
        ("idle_timeout_ms", 30_001),
    ],
)
def test_values_out_of_range_are_refused(field: str, value: float) -> None:
    with pytest.raises(ValueError, match=field):
        ServerVad(**{field: value})


def test_the_parameters_are_those_of_the_wire() -> None:
    decode = msgspec.json.Decoder(ServerVad | SemanticVad | None).decode
    assert decode('{"type":"server_vad","threshold":0.7,"idle_timeout_ms":null}') == ServerVad(threshold=0.7)
    assert decode('{"type":"semantic_vad","eagerness":"low"}') == SemanticVad(eagerness="low")
    assert decode("null") is None
    with pytest.raises(msgspec.ValidationError, match="threshold"):
        decode('{"type":"server_vad","threshold":7}')


actions = st.one_of(
    st.tuples(st.just("window"), st.sampled_from([0.0, 0.05, 0.4, 0.5, 0.9, 1.0])),
    st.tuples(st.just("windows"), st.tuples(st.sampled_from([0.05, 0.4, 0.9]), st.integers(1, 40))),
    st.tuples(st.just("elapse"), st.sampled_from([0.0, 0.25, 1.0, 7.0])),
    st.tuples(st.just("transcript"), st.sampled_from(["", "and", "yes.", "what is it?"])),
    st.tuples(st.just("agent_is"), st.sampled_from(list(Agent))),
    st.tuples(st.just("commit"), st.none()),
    st.tuples(st.just("clear"), st.none()),
    st.tuples(st.just("reconfigure"), st.sampled_from([ServerVad(), SemanticVad(eagerness="high"), None])),
)
detections = st.one_of(
    st.none(),
    st.builds(
        ServerVad,
        threshold=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
        prefix_padding_ms=st.sampled_from([0, 300, 5000]),
        silence_duration_ms=st.sampled_from([0, 100, 500]),
        create_response=st.booleans(),
        interrupt_response=st.booleans(),
        idle_timeout_ms=st.sampled_from([None, 5000]),
    ),
    st.builds(SemanticVad, eagerness=st.sampled_from(["low", "high"]), interrupt_response=st.booleans()),
)


def play(turn: TurnDetector, script: list[tuple[str, Any]], *, in_pieces: bool = False) -> list[Decision]:
    decisions: list[Decision] = []
    for name, argument in script:
        match name:
            case "windows":
                probability, count = argument
                for _ in range(count):
                    decisions += turn.window(probability)
            case "elapse" if in_pieces:
                for _ in range(4):
                    decisions += turn.elapse(argument / 4)
            case "commit" | "clear":
                decisions += getattr(turn, name)()
            case _:
                decisions += getattr(turn, name)(argument)
    return decisions


@given(detections, st.lists(actions, max_size=60))
def test_laws(detection: Any, script: list[tuple[str, Any]]) -> None:
    turn = TurnDetector(detection)
    decisions = play(turn, script)
    started: SpeechStarted | None = None
    latest, floor, paused = 0, 0, False
    for before, decision in zip([None, *decisions], decisions, strict=False):
        assert decision.position >= latest
        latest = decision.position
        match decision:
            case SpeechStarted(position, start):
                assert started is None
                assert floor <= start <= position
                started, paused = decision, False
            case MaybeEnded(position, speech_end):
                assert started is not None
                assert not paused
                assert started.start <= speech_end <= position
                paused = True
            case Resumed():
                assert paused
                paused = False
            case Ended(position, start, speech_end, _):
                assert started is not None
                assert start == started.start <= speech_end <= position
                started, paused, floor = None, False, position
            case Dropped(position):
                assert started is not None
                started, paused, floor = None, False, position
            case Interrupted():
                assert isinstance(before, SpeechStarted)
            case IdleTimeout(position, start):
                assert started is None
                assert start <= position
    assert (started is not None) == (turn.user in {User.SPEECH, User.MAYBE_ENDED})
    assert latest <= turn.position
    assert kinds(turn.commit()) == ([Ended] if started else [])


@given(detections, st.lists(actions, max_size=40))
def test_time_in_pieces_is_the_same_time(detection: Any, script: list[tuple[str, Any]]) -> None:
    assert play(TurnDetector(detection), script) == play(TurnDetector(detection), script, in_pieces=True)


def test_speech_in_any_chunks_gives_the_same_turns(speak: Callable[..., NDArray[np.int16]]) -> None:
    """Audio to decisions: two sentences with a pause, a click before, the agent speaking during the second."""
    click = np.zeros(16_000, np.int16)
    click[8_000:8_080] = 9_000
    first, second = speak("Please book a table for two."), speak("Hello? Is anybody there?")
    quiet = np.random.default_rng(2).normal(0, 20, 24_000).astype(np.int16)
    audio = np.concatenate([click, first, quiet, second, quiet])
    model = SileroModel()

    def run(sizes: Sequence[int]) -> list[Decision]:
        stream, turn, decisions, sent = VadStream(), TurnDetector(ServerVad()), [], 0
        for size in itertools.cycle(sizes):
            stream.push(audio[sent : sent + size])
            sent += size
            while stream.waiting:
                if turn.position <= len(click) + len(first) + 20_000 < turn.position + W:
                    turn.agent_is(Agent.SPEAKING)
                (probability,) = step(model, [stream])
                decisions += turn.window(probability)
            if sent >= len(audio):
                return decisions

    whole = run([len(audio)])
    turns = [decision for decision in whole if not isinstance(decision, MaybeEnded | Resumed)]
    assert kinds(turns) == [SpeechStarted, Ended, SpeechStarted, Interrupted, Ended]
    begin, end = len(click), len(click) + len(first)
    assert begin - 5500 <= turns[0].start <= begin, "the first syllable is in"
    assert end - 2000 <= turns[1].speech_end <= end + 3000
    assert turns[2].start <= end + len(quiet)
    for sizes in ([320], [1, 1999, 7], [160, 480], [4800]):
        assert run(sizes) == whole
