"""A voice breaks off at any word, and another one goes on with the next."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import groupby
from typing import Any

import numpy as np
import pytest
from anyio import create_task_group, current_time, move_on_after, sleep, wait_all_tasks_blocked
from troupe.actors.contracts import Say, Speech, Synthesize, Word
from troupe.actors.errors import BrokenStream, ContentRefused, ModelNotFound, ProviderTimeout
from troupe.actors.routing import BreakerPolicy, FallbackSynthesizer, Provider, SynthesizerPatience
from troupe.runtime import Actor, Duplex, Ref, child
from troupe.runtime.errors import ChannelBroken
from troupe.runtime.events import Failure
from understudies import NEVER_OPEN, Crash, End, ScriptedSynthesizer, Stage, Stall, Steps, company, player

pytestmark = pytest.mark.virtual

PIECES = ["Well, the tower is high.", "It was built, of all things,", "for a fair!"]
WORDS = " ".join(PIECES).split()
RATE = 16_000
WORD = 0.25  # seconds


def sound(word: str, rate: int = RATE) -> bytes:
    """A word as it sounds here: its number, for a quarter of a second."""
    return np.full(round(WORD * rate), 100 * (1 + WORDS.index(word)), np.int16).tobytes()


def words_in(speeches: list[Speech]) -> list[str]:
    """What is to be heard, audio that goes on being one word."""
    levels = np.frombuffer(b"".join(speech.pcm for speech in speeches), np.int16)
    return [WORDS[int(level) // 100 - 1] for level, _ in groupby(levels.tolist())]


def speaks(number: int, text: str, rate: int = RATE, *, timed: bool = True) -> Steps:
    for place, word in enumerate(text.split()):
        words = (Word(word, WORD * place, WORD * (place + 1)),) if timed else ()
        yield Speech(number, sound(word, rate), rate, words)
    yield Speech(number, b"", rate, last=True)


def dies(chunks: int, how: Any, **options: Any) -> Callable[[int, str], Steps]:
    """Say so many chunks of a call, and fail."""
    said = 0

    def script(number: int, text: str) -> Steps:
        nonlocal said
        said = said if number else 0
        for step in speaks(number, text, **options):
            if said == chunks:
                yield how
            said += 1
            yield step

    return script


@asynccontextmanager
async def chain(
    stage: Stage,
    *scripts: Callable[[int, str], Steps],
    patience: SynthesizerPatience | None = None,
    policy: BreakerPolicy = NEVER_OPEN,
) -> AsyncGenerator[Ref]:
    names = "abcdefgh"[: len(scripts)]
    voices = [player(ScriptedSynthesizer, stage, name, script) for name, script in zip(names, scripts, strict=True)]
    providers = [Provider(name) for name in names]
    router = child(FallbackSynthesizer, providers, patience or SynthesizerPatience(), policy, name="tts")
    async with company(stage, *voices, router) as system:
        yield system.ref("tts")


async def hear(
    tts: Ref, pieces: list[str] = PIECES, pause: float = 0.0, listens: float = 0.0, voice: str = ""
) -> list[Speech]:
    """Have the pieces spoken, with a pause before each; return what is to be heard."""

    async def say() -> None:
        with suppress(ChannelBroken):  # the error comes with the speech
            for piece in pieces:
                await sleep(pause)
                await call.send(Say(piece))
            call.finish()

    speeches: list[Speech] = []
    failure: Exception | None = None
    async with tts.open(Synthesize(voice=voice), timeout=10_000, buffer=1) as call, create_task_group() as tasks:
        tasks.start_soon(say)
        try:
            async for speech in call:
                speeches.append(speech)
                await sleep(listens)
        except Exception as error:
            failure = error
    if failure is not None:
        raise failure
    return speeches


FAULTS: dict[str, Callable[[], Any]] = {
    "reset": lambda: ConnectionResetError("what the user said"),
    "bug": lambda: ValueError("what the user said"),
    "crash": lambda: Crash(),
    "end": lambda: End(),
    "stall": lambda: Stall(),
}
CHUNKS = len(WORDS) + len(PIECES)


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("pause", [0.0, 0.3])
async def test_no_word_is_lost_or_repeated_wherever_it_dies(fault: Callable[[], Any], pause: float) -> None:
    stage = Stage()
    words = [word for piece in range(3) for speech in speaks(piece, PIECES[piece]) for word in speech.words]
    script, cut = speaks, 0

    def first(number: int, text: str) -> Steps:
        nonlocal script
        script = script if number else dies(cut, fault())
        return script(number, text)

    async with chain(stage, first, speaks) as tts:
        for cut in range(CHUNKS + 1):
            speeches = await hear(tts, pause=pause)
            assert words_in(speeches) == WORDS, cut
            assert [(s.piece, s.last, s.rate) for s in speeches if s.last] == [(n, True, RATE) for n in range(3)], cut
            assert [word for speech in speeches for word in speech.words] == words, cut
            assert [s.piece for s in speeches] == sorted(s.piece for s in speeches)
        await wait_all_tasks_blocked()
        assert stage.empty


async def test_a_text_may_change_hands_often() -> None:
    stage = Stage()
    scripts = [dies(chunks, ConnectionResetError()) for chunks in (2, 0, 3, 1, 5)]
    async with chain(stage, *scripts, speaks) as tts:
        assert words_in(await hear(tts)) == WORDS
    assert [name for name, _ in stage.requests] == list("abcdef")


@pytest.mark.parametrize("rates", [(24_000, 16_000), (16_000, 24_000), (16_000, 22_050)])
async def test_the_rate_stays_the_same_and_no_word_gets_shorter(rates: tuple[int, int]) -> None:
    stage, (first, second) = Stage(), rates

    def other(number: int, text: str) -> Steps:
        return speaks(number, text, second)

    for cut in range(1, CHUNKS):
        async with chain(stage, dies(cut, End(), rate=first), other) as tts:
            speeches = await hear(tts)
        assert {speech.rate for speech in speeches} == {first}
        for number, piece in enumerate(PIECES):
            samples = sum(len(speech.pcm) // 2 for speech in speeches if speech.piece == number)
            words = len(piece.split())
            assert samples == pytest.approx(words * WORD * first, abs=words), cut  # 22050 Hz has no quarter second
        levels = np.frombuffer(b"".join(speech.pcm for speech in speeches), np.int16)
        middles = levels[int(WORD * first / 2) :: int(WORD * first)]
        assert [WORDS[round(level / 100) - 1] for level in middles.tolist()] == WORDS, cut


async def test_without_word_times_no_word_is_lost_and_few_are_repeated() -> None:
    stage = Stage()

    def untimed(number: int, text: str) -> Steps:
        return speaks(number, text, timed=False)

    for cut in range(CHUNKS):
        async with chain(stage, dies(cut, End(), timed=False), untimed) as tts:
            heard = words_in(await hear(tts))
        before = WORDS[: len(heard) - len(WORDS)]
        for place in range(len(WORDS) + 1):
            if heard[:place] == WORDS[:place] and heard[place:] == WORDS[-len(heard[place:]) :]:
                break
        else:
            pytest.fail(f"{heard} is not {WORDS} with a repetition")
        assert len(before) <= 4, cut


async def test_each_provider_has_names_of_its_own_for_voices() -> None:
    stage = Stage()
    providers = [
        Provider("a", voices={"marin": "en_US-amy"}),
        Provider("b", voices={"marin": "af_heart", "*": "am_adam"}, models={"*": "kokoro"}),
        Provider("c"),
    ]
    async with company(
        stage,
        *(player(ScriptedSynthesizer, stage, name, dies(0, End())) for name in "ab"),
        player(ScriptedSynthesizer, stage, "c", speaks),
        child(FallbackSynthesizer, providers, name="tts"),
    ) as system:
        for voice in ("marin", "cedar"):
            request = Synthesize(voice=voice, model="best", speed=1.2)
            async with system.ref("tts").open(request) as call:
                await call.send(Say("Well, the"))
                call.finish()
                assert words_in([speech async for speech in call]) == ["Well,", "the"]
    assert [request.voice for _, request in stage.requests] == [
        *("en_US-amy", "af_heart", "marin"),
        *("cedar", "am_adam", "cedar"),
    ]
    assert {(request.model, request.speed) for _, request in stage.requests} == {("best", 1.2), ("kokoro", 1.2)}


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunks", "fault", "delay"),
    [
        (0, ConnectionResetError(), 0),
        (7, Crash(), 0),
        (0, Stall(), SynthesizerPatience().first_audio),
        (7, Stall(), SynthesizerPatience().between_chunks),
        (6, Stall(), SynthesizerPatience().first_audio),  # between two pieces
    ],
)
async def test_how_long_the_caller_waits_for_the_next_voice(chunks: int, fault: Any, delay: float) -> None:
    async with chain(Stage(), dies(chunks, fault), speaks) as tts:
        assert words_in(await hear(tts)) == WORDS
        assert current_time() == pytest.approx(delay)


class Choosy(Actor):
    """Speaks in the voices that it has, and in its own where none is named."""

    max_concurrency = 8

    def __init__(self, voices: set[str], asked: list[str], model: bool = True) -> None:
        self.voices, self.asked, self.model = voices, asked, model

    async def synthesize(self, request: Synthesize, caller: Duplex[Speech, Say]) -> None:
        self.asked.append(request.voice)
        if not self.model or request.voice not in {"", *self.voices}:
            raise ModelNotFound("choosy")
        number = 0
        async for piece in caller:
            for step in speaks(number, piece.text):
                await caller.send(step)
            number += 1


@pytest.mark.parametrize(
    ("table", "has", "first", "later"),
    [
        ({}, {"alloy"}, ["alloy"], ["alloy"]),
        ({}, {"heart"}, ["alloy", ""], [""]),
        ({"alloy": "heart"}, {"heart"}, ["heart"], ["heart"]),
        ({"alloy": "heart"}, {"alloy"}, ["heart", "alloy"], ["alloy"]),
        ({"alloy": "heart"}, {"other"}, ["heart", "alloy", ""], [""]),
        ({"alloy": ""}, {"alloy"}, [""], [""]),
    ],
)
async def test_a_voice_that_is_not_there_is_replaced_and_that_is_remembered(
    table: dict[str, str], has: set[str], first: list[str], later: list[str]
) -> None:
    stage, asked = Stage(), list[str]()
    providers = [Provider("choosy", voices=table)]
    router = child(FallbackSynthesizer, providers, name="tts")
    async with company(stage, child(Choosy, has, asked, name="choosy"), router) as system:
        for expected in (first, later):
            asked.clear()
            assert words_in(await hear(system.ref("tts"), voice="alloy")) == WORDS
            assert asked == expected
        assert not any(isinstance(event, Failure) for event in stage.events)


async def test_a_model_that_is_not_there_is_no_matter_of_the_voice() -> None:
    stage, asked = Stage(), list[str]()
    choosy = [child(Choosy, {"alloy"}, asked, model, name=name) for name, model in (("a", False), ("b", True))]
    router = child(FallbackSynthesizer, [Provider("a"), Provider("b")], name="tts")
    async with company(stage, *choosy, router) as system:
        assert words_in(await hear(system.ref("tts"), voice="alloy")) == WORDS
        assert asked == ["alloy", "", "alloy"]


async def test_neither_a_pause_for_thought_nor_a_slow_listener_is_a_fault() -> None:
    stage = Stage()
    async with chain(stage, speaks, speaks) as tts:
        assert words_in(await hear(tts, pause=100)) == WORDS
        assert words_in(await hear(tts, listens=100)) == WORDS
    assert [name for name, _ in stage.requests] == ["a", "a"]


async def test_the_last_voice_that_is_left_gets_more_time() -> None:
    def slow(number: int, text: str) -> Steps:
        for step in speaks(number, text):
            yield 9
            yield step

    async with chain(Stage(), dies(2, End()), slow) as tts:
        assert words_in(await hear(tts)) == WORDS
    async with chain(Stage(), dies(2, Stall())) as tts:
        start = current_time()
        with pytest.raises(ProviderTimeout):
            await hear(tts)
        assert current_time() - start == pytest.approx(SynthesizerPatience().alone)


async def test_a_voice_that_does_not_end_after_its_last_word_is_not_waited_for() -> None:
    def lingers(number: int, text: str) -> Steps:
        yield from speaks(number, text)
        if number == len(PIECES) - 1:
            yield Stall()

    stage = Stage()
    for pause in (0.0, 0.3):  # the last piece is spoken before or after it is known to be the last
        async with chain(stage, lingers, speaks) as tts:
            start = current_time()
            assert words_in(await hear(tts, pause=pause)) == WORDS
            assert current_time() - start == pytest.approx(1 + 3 * pause)
    assert [name for name, _ in stage.requests] == ["a", "a"]


# -- errors ------------------------------------------------------------------------------------------------------------


async def test_a_voice_that_dies_while_nothing_is_to_be_said_is_replaced() -> None:
    def dies_later(number: int, text: str) -> Steps:
        yield from speaks(number, text)
        yield 0.5
        yield ConnectionResetError()

    stage = Stage()
    async with chain(stage, dies_later, speaks) as tts:
        assert words_in(await hear(tts, pause=1)) == WORDS
    assert [name for name, _ in stage.requests] == ["a", "b"]


async def test_success_without_a_sound_is_a_failure_while_there_is_somebody_else() -> None:
    def mute(number: int, text: str) -> Steps:
        yield Speech(number, b"", RATE, last=True)

    stage = Stage()
    async with chain(stage, mute, speaks) as tts:
        assert words_in(await hear(tts)) == WORDS
    async with chain(stage, mute) as tts:
        assert words_in(await hear(tts)) == []
    async with chain(stage, mute, speaks) as tts:
        assert len(await hear(tts, ["...", "!"])) == 2
    assert [name for name, _ in stage.requests] == ["a", "b", "a", "a"]


async def test_nobody_is_asked_for_what_has_been_said() -> None:
    stage = Stage()
    async with chain(stage, dies(CHUNKS - 1, ConnectionResetError()), speaks) as tts:
        speeches = await hear(tts)
    assert words_in(speeches) == WORDS
    assert speeches[-1] == Speech(2, b"", RATE, last=True)
    assert [name for name, _ in stage.requests] == ["a"]


async def test_what_is_refused_everywhere_is_not_tried_elsewhere() -> None:
    stage = Stage()
    async with chain(stage, dies(0, ContentRefused("a")), speaks) as tts:
        with pytest.raises(ContentRefused):
            await hear(tts)
    assert [name for name, _ in stage.requests] == ["a"]


async def test_if_all_fail_what_was_said_stays_said() -> None:
    speeches = []
    async with chain(Stage(), dies(3, End()), dies(4, End())) as tts:
        async with tts.open(Synthesize()) as call:
            for piece in PIECES:
                await call.send(Say(piece))
            with pytest.raises(BrokenStream) as caught:
                async for speech in call:
                    speeches.append(speech)
    assert words_in(speeches) == WORDS[:6]
    assert [each["provider"] for each in caught.value.details["attempts"]] == ["a", "b"]


async def test_nothing_to_say() -> None:
    async with chain(Stage(), speaks) as tts:
        assert await hear(tts, []) == []


async def test_when_the_caller_leaves_every_handler_is_gone() -> None:
    def slowly(script: Callable[[int, str], Steps]) -> Callable[[int, str], Steps]:
        return lambda number, text: (each for step in script(number, text) for each in (0.05, step))

    stage = Stage()
    scripts = [slowly(script) for script in (dies(4, ConnectionResetError()), dies(5, Stall()), speaks)]
    async with chain(stage, *scripts, patience=SynthesizerPatience(between_chunks=0.2, first_audio=0.2)) as tts:
        complete = 0
        for step in range(60):
            with move_on_after(step * 0.03):
                complete += words_in(await hear(tts)) == WORDS
            await sleep(0.001)
            assert stage.empty, step
            assert not tts.statistics().in_flight, step
        assert 0 < complete < 60
