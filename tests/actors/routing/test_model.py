"""A language model dies in the middle, in every way and at every letter, and the caller gets one whole answer."""

# ruff: noqa: RUF001
import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from anyio import create_task_group, current_time, move_on_after, sleep, wait_all_tasks_blocked
from troupe.actors.contracts import Ended, Generate, GenerationEvent, TextDelta, TextPart, ToolCall, Turn
from troupe.actors.errors import (
    AuthenticationFailed,
    BrokenStream,
    CannotContinue,
    ContentRefused,
    InvalidRequest,
    ModelNotFound,
    ProviderError,
    ProviderFailed,
    ProviderTimeout,
    ProviderUnavailable,
    QuotaExceeded,
    RateLimited,
)
from troupe.actors.routing import (
    BreakerPolicy,
    Circuit,
    FallbackModel,
    ListProviders,
    ModelPatience,
    Provider,
)
from troupe.actors.routing.events import CircuitClosed, CircuitOpened, ProviderReplaced, ProviderUnusable
from troupe.runtime import Ref, child
from understudies import NEVER_OPEN, Crash, End, ScriptedModel, Stage, Stall, Steps, company, player

pytestmark = pytest.mark.virtual

ANSWER = "Well, the tower is 330 metres high; it was built in 1889, for a fair. Isn't that amazing? Ask me more!"
OTHER = ANSWER.translate(str.maketrans({",": " –", ";": ",", ".": "!", "'": "\u2019"}))
REQUEST = Generate(turns=(Turn(role="user", parts=(TextPart("Tell me of the tower."),)),))
DONE = Ended("stop", 10, 5)


def tokens(text: str, size: int = 3) -> list[GenerationEvent]:
    return [TextDelta(text[start : start + size]) for start in range(0, len(text), size)]


def said_in(request: Generate) -> str:
    """What the request wants to have continued."""
    return request.turns[-1].text if request.turns[-1].role == "assistant" else ""


def continues(request: Generate) -> Steps:
    return [*tokens(ANSWER[len(said_in(request)) :]), DONE]


def begins_again(request: Generate) -> Steps:
    return [*tokens(ANSWER), DONE]


def begins_again_otherwise(request: Generate) -> Steps:
    return [*tokens(OTHER), DONE]


def dies(cut: int, how: Any) -> Callable[[Generate], Steps]:
    """Continue up to a place in the answer, and fail there."""

    def script(request: Generate) -> Steps:
        return [*tokens(ANSWER[len(said_in(request)) : cut]), how]

    return script


@asynccontextmanager
async def chain(
    stage: Stage,
    *scripts: Callable[[Generate], Steps],
    patience: ModelPatience | None = None,
    policy: BreakerPolicy = NEVER_OPEN,
) -> AsyncGenerator[Ref]:
    """Run models named "a", "b", ... behind the router "llm"."""
    names = "abcdefgh"[: len(scripts)]
    models = [player(ScriptedModel, stage, name, script) for name, script in zip(names, scripts, strict=True)]
    providers = [Provider(name) for name in names]
    router = child(FallbackModel, providers, patience or ModelPatience(), policy, name="llm")
    async with company(stage, *models, router) as system:
        yield system.ref("llm")


async def ask(llm: Ref, request: Generate = REQUEST) -> list[GenerationEvent]:
    async with llm.stream(request, timeout=1000) as events:
        return [event async for event in events]


def text_of(events: list[GenerationEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta))


def letters(text: str) -> str:
    return "".join(filter(str.isalnum, text))


FAULTS: dict[str, Callable[[], Any]] = {
    "reset": lambda: ConnectionResetError("what the user said"),
    "error": lambda: ProviderUnavailable("a", "HTTP 503"),
    "bug": lambda: ValueError("what the user said"),
    "crash": lambda: Crash(),
    "end": lambda: End(),
    "stall": lambda: Stall(),
}


@pytest.mark.parametrize(
    ("fault", "other"),
    [*((fault, continues) for fault in FAULTS), ("reset", begins_again), ("end", begins_again_otherwise)],
)
async def test_no_letter_is_lost_or_repeated_wherever_it_dies(fault: str, other: Callable[[Generate], Steps]) -> None:
    stage, cut = Stage(), 0

    def first(request: Generate) -> Steps:
        return dies(cut, FAULTS[fault]())(request)

    async with chain(stage, first, other) as llm:
        for cut in range(len(ANSWER) + 1):
            events = await ask(llm)
            assert events[-1] == DONE
            if other is begins_again_otherwise and letters(ANSWER[:cut]):
                assert text_of(events).startswith(ANSWER[:cut])
                assert letters(text_of(events)) == letters(ANSWER), cut
            elif other is not begins_again_otherwise:
                assert text_of(events) == ANSWER, cut
        await wait_all_tasks_blocked()
        assert stage.empty


async def test_an_answer_may_change_hands_at_every_word() -> None:
    words = [place for place, letter in enumerate(ANSWER) if letter == " "]
    stage, asked = Stage(), 0

    def mortal(request: Generate) -> Steps:
        nonlocal asked
        asked += 1
        if asked > len(words):
            return continues(request)
        return dies(words[asked - 1], ConnectionResetError())(request)

    async with company(
        stage,
        player(ScriptedModel, stage, "a", mortal),
        child(FallbackModel, [Provider("a")] * (len(words) + 1), ModelPatience(), NEVER_OPEN, name="llm"),
    ) as system:
        assert text_of(await ask(system.ref("llm"))) == ANSWER
    assert asked == len(words) + 1


async def test_before_the_first_token_the_next_gets_the_same_request() -> None:
    stage = Stage()
    async with chain(stage, dies(0, End()), continues) as llm:
        await ask(llm)
    assert [request for _, request in stage.requests] == [REQUEST, REQUEST]


async def test_later_it_gets_what_was_said_as_the_turn_to_continue() -> None:
    stage = Stage()
    async with chain(stage, dies(10, End()), dies(20, End()), continues) as llm:
        assert text_of(await ask(llm)) == ANSWER
    *_, last = stage.requests[-1][1].turns
    assert last == Turn(role="assistant", parts=(TextPart(ANSWER[:20]),))
    assert [said_in(request) for _, request in stage.requests] == ["", ANSWER[:10], ANSWER[:20]]


async def test_names_of_models_are_each_providers_own() -> None:
    stage = Stage()
    providers = [
        Provider("a", models={"smart": "a-4"}),
        Provider("b", models={"smart": "b-70b", "*": "b-8b"}),
        Provider("c", models={"*": ""}),
    ]
    async with company(
        stage,
        *(player(ScriptedModel, stage, name, dies(0, End())) for name in "ab"),
        player(ScriptedModel, stage, "c", continues),
        child(FallbackModel, providers, name="llm"),
    ) as system:
        await ask(system.ref("llm"), Generate(turns=REQUEST.turns, model="smart"))
        await ask(system.ref("llm"), Generate(turns=REQUEST.turns, model="quick"))
    assert [request.model for _, request in stage.requests] == ["a-4", "b-70b", "", "quick", "b-8b", ""]


# -- tools -------------------------------------------------------------------------------------------------------------

CALL = ToolCall("call_1", "clock", "{}")


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_tool_is_called_once(fault: Callable[[], Any]) -> None:
    stage = Stage()

    def first(request: Generate) -> Steps:
        return [TextDelta("One moment. "), CALL, TextDelta("Let me see. "), fault()]

    def second(request: Generate) -> Steps:
        return [TextDelta("One moment. Let me see. "), ToolCall("call_2", "clock", "{}"), Ended("tool_calls")]

    async with chain(stage, first, second) as llm:
        events = await ask(llm)
    assert text_of(events) == "One moment. Let me see. "
    assert [event for event in events if not isinstance(event, TextDelta)] == [
        ToolCall("call_2", "clock", "{}"),
        Ended("tool_calls"),
    ]


# -- time --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "cut", "delay"),
    [
        (ConnectionResetError(), 0, 0),
        (ConnectionResetError(), 30, 0),
        (Crash(), 30, 0),
        (Stall(), 0, ModelPatience().first_token),
        (Stall(), 30, ModelPatience().between_tokens),
    ],
)
async def test_how_long_the_caller_waits_for_the_next_model(fault: Any, cut: int, delay: float) -> None:
    async with chain(Stage(), dies(cut, fault), continues) as llm:
        start = current_time()
        async with llm.stream(REQUEST) as events:
            longest, before = 0.0, start
            async for _ in events:
                longest, before = max(longest, current_time() - before), current_time()
        assert longest == pytest.approx(delay, abs=1e-6)


async def test_the_last_model_that_is_left_gets_more_time() -> None:
    stage = Stage()
    slow = [2, *tokens(ANSWER[:30]), 6, *tokens(ANSWER[30:]), DONE]
    async with chain(stage, lambda _: [Stall()], lambda _: slow) as llm:
        assert text_of(await ask(llm)) == ANSWER
    async with chain(stage, lambda _: [Stall()]) as llm:
        start = current_time()
        with pytest.raises(ProviderTimeout):
            await ask(llm)
        assert current_time() - start == pytest.approx(ModelPatience().alone)


async def test_a_caller_that_takes_its_time_is_no_fault_of_the_model() -> None:
    stage = Stage()
    async with chain(stage, continues, continues) as llm, llm.stream(REQUEST, buffer=1) as events:
        text = ""
        async for event in events:
            await sleep(100)
            text += event.text if isinstance(event, TextDelta) else ""
    assert text == ANSWER
    assert [name for name, _ in stage.requests] == ["a"]


async def test_a_model_ends_by_itself_after_its_last_word_but_not_for_long() -> None:
    stage = Stage()
    async with chain(stage, lambda _: [*tokens(ANSWER), DONE, 0.5]) as llm:
        assert (await ask(llm))[-1] == DONE
        assert stage.cancelled == []
    async with chain(stage, lambda _: [*tokens(ANSWER), DONE, Stall()]) as llm:
        start = current_time()
        assert (await ask(llm))[-1] == DONE
        assert current_time() - start == pytest.approx(1)
        await wait_all_tasks_blocked()
        assert stage.cancelled == ["a"]
    async with chain(stage, lambda _: [*tokens(ANSWER), DONE, ValueError()], continues) as llm:
        assert text_of(await ask(llm)) == ANSWER  # what happens after the end is nobody's business
        assert [name for name, _ in stage.requests][-1] == "a"


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [InvalidRequest, ContentRefused])
async def test_what_is_the_same_everywhere_is_not_tried_elsewhere(kind: type[ProviderError]) -> None:
    stage = Stage()
    async with chain(stage, dies(0, kind("a", "HTTP 400")), continues) as llm:
        with pytest.raises(kind) as caught:
            await ask(llm)
    assert caught.value.details["attempts"] == [{"provider": "a", "code": kind.code, "seconds": 0.0}]
    assert [name for name, _ in stage.requests] == ["a"]
    assert not stage.of(ProviderReplaced)


@pytest.mark.parametrize("kind", [AuthenticationFailed, QuotaExceeded])
async def test_a_provider_that_refuses_our_account_is_left_alone_and_somebody_is_told(
    kind: type[ProviderError],
) -> None:
    stage = Stage()
    async with chain(stage, dies(0, kind("a", "HTTP 401")), continues, policy=BreakerPolicy()) as llm:
        for _ in range(3):
            assert text_of(await ask(llm)) == ANSWER
        (unusable,) = stage.of(ProviderUnusable)
        assert (unusable.path, unusable.provider, unusable.code) == ("llm", "a", kind.code)
        assert [name for name, _ in stage.requests] == ["a", "b", "b", "b"]
        await sleep(60)
        await ask(llm)  # a trial
        assert [name for name, _ in stage.requests][4:] == ["a", "b"]


async def test_a_provider_that_asks_for_time_gets_it() -> None:
    stage = Stage()
    async with chain(stage, dies(0, RateLimited("a", retry_after=20)), continues, policy=BreakerPolicy()) as llm:
        await ask(llm)
        for _ in range(19):
            await sleep(1)
            await ask(llm)
        assert [name for name, _ in stage.requests].count("a") == 1
        await sleep(1.1)
        await ask(llm)
        assert [name for name, _ in stage.requests].count("a") == 2


async def test_if_all_fail_the_last_error_says_what_was_tried() -> None:
    stage = Stage()
    scripts = dies(4, ValueError("what the user said")), dies(10, RateLimited("b", "HTTP 429")), dies(10, Crash())
    async with chain(stage, *scripts) as llm:
        got = []
        with pytest.raises(ProviderUnavailable) as caught:
            async with llm.stream(REQUEST) as events:
                async for event in events:
                    got.append(event)
    assert text_of(got) == ANSWER[:10]  # what was said is not taken back
    attempts = caught.value.details["attempts"]
    assert [(each["provider"], each["code"]) for each in attempts] == [
        ("a", "provider_failed"),
        ("b", "rate_limited"),
        ("c", "provider_unavailable"),
    ]
    assert "ActorDied" in str(caught.value)
    replaced = [(event.provider, event.code, event.by) for event in stage.of(ProviderReplaced)]
    assert replaced == [
        ("a", "provider_failed", "b"),
        ("b", "rate_limited", "c"),
        ("c", "provider_unavailable", ""),
    ]
    assert stage.of(ProviderReplaced)[0].error == "builtins.ValueError"
    assert "understudies.py" in stage.of(ProviderReplaced)[0].where
    for told in (str(caught.value), repr(attempts), repr(stage.events)):
        assert "user said" not in told
        assert "tower" not in told


async def test_a_model_that_takes_no_begun_answer_is_passed_over() -> None:
    def refuses_prefill(request: Generate) -> Steps:
        return [InvalidRequest("b", "HTTP 400")] if said_in(request) else continues(request)

    async with chain(Stage(), dies(10, End()), refuses_prefill, continues) as llm:
        assert text_of(await ask(llm)) == ANSWER
    async with chain(Stage(), dies(10, End()), refuses_prefill) as llm:
        with pytest.raises(CannotContinue):
            await ask(llm)


async def test_another_answer_is_not_joined_to_the_one_before() -> None:
    cut = ANSWER.index("amazing")
    another = "Well, the tower is 330 metres tall, including its antennas, and was never meant to last."
    async with chain(Stage(), dies(cut, End()), lambda _: [*tokens(another), DONE], continues) as llm:
        assert text_of(await ask(llm)) == ANSWER


async def test_what_is_wrong_with_one_request_does_not_count_against_a_provider() -> None:
    stage = Stage()
    async with chain(stage, dies(0, ModelNotFound("a")), continues, policy=BreakerPolicy()) as llm:
        for _ in range(10):
            assert text_of(await ask(llm)) == ANSWER
        first, _ = await llm.ask(ListProviders())
    assert first.breaker.circuit is Circuit.CLOSED
    assert first.breaker.failures == 0


async def test_a_provider_that_is_not_there_is_passed_over() -> None:
    stage = Stage()
    async with company(
        stage,
        player(ScriptedModel, stage, "b", continues),
        child(FallbackModel, [Provider("a"), Provider("b")], name="llm"),
    ) as system:
        assert text_of(await ask(system.ref("llm"))) == ANSWER
    assert stage.of(ProviderReplaced)[0].error == "troupe.runtime.errors.NoSuchName"


def test_a_router_has_at_least_one_provider() -> None:
    with pytest.raises(ValueError, match="at least one provider"):
        FallbackModel([])


# -- circuits ----------------------------------------------------------------------------------------------------------


async def test_a_provider_that_keeps_failing_is_left_alone_until_it_answers_again() -> None:
    stage, healthy = Stage(), False

    def sick(request: Generate) -> Steps:
        return continues(request) if healthy else [ConnectionResetError()]

    async with chain(stage, sick, continues, policy=BreakerPolicy()) as llm:
        for _ in range(10):
            assert text_of(await ask(llm)) == ANSWER
        assert [name for name, _ in stage.requests].count("a") == BreakerPolicy().consecutive
        (opened,) = stage.of(CircuitOpened)
        assert (opened.path, opened.provider, opened.seconds) == ("llm", "a", 2)
        first, second = await llm.ask(ListProviders())
        assert (first.path, first.breaker.circuit, first.breaker.refused) == ("a", Circuit.OPEN, 7)
        assert (second.path, second.breaker.circuit, second.breaker.calls) == ("b", Circuit.CLOSED, 10)
        await sleep(2)
        await ask(llm)  # the trial fails, and this caller does not notice either
        await sleep(3.9)
        healthy, before = True, len(stage.requests)
        await ask(llm)
        assert [name for name, _ in stage.requests[before:]] == ["b"]
        await sleep(0.1)
        await ask(llm)
        assert [event.provider for event in stage.of(CircuitClosed)] == ["a"]
        assert (await llm.ask(ListProviders()))[0].breaker.circuit is Circuit.CLOSED


async def test_if_all_circuits_are_open_the_caller_is_told_at_once() -> None:
    stage = Stage()
    async with chain(stage, dies(0, End()), dies(0, End()), policy=BreakerPolicy()) as llm:
        for _ in range(BreakerPolicy().consecutive):
            with pytest.raises(BrokenStream):
                await ask(llm)
        await sleep(0.5)
        with pytest.raises(ProviderUnavailable) as caught:
            await ask(llm)
    assert caught.value.retry_after == pytest.approx(1.5)
    assert caught.value.details == {"attempts": []}


async def test_a_call_that_was_begun_is_finished_even_by_a_provider_whose_circuit_is_open() -> None:
    """What the caller has heard of an answer is worth more than a guess about a provider."""
    stage, ill = Stage(), {"a": True, "b": False}

    def sick(name: str) -> Callable[[Generate], Steps]:
        return lambda request: dies(1, ConnectionResetError())(request) if ill[name] else continues(request)

    async with chain(stage, sick("a"), sick("b"), policy=BreakerPolicy()) as llm:
        for _ in range(BreakerPolicy().consecutive):
            assert text_of(await ask(llm)) == ANSWER
        first, _ = await llm.ask(ListProviders())
        assert first.breaker.circuit is Circuit.OPEN
        ill.update(a=False, b=True)
        before = len(stage.requests)
        assert text_of(await ask(llm)) == ANSWER
        assert [name for name, _ in stage.requests[before:]] == ["b", "a"]
        first, _ = await llm.ask(ListProviders())
        assert first.breaker.circuit is Circuit.CLOSED


async def test_a_provider_beside_one_whose_circuit_is_open_gets_no_more_time_than_usual() -> None:
    """Since that one will be asked, too, if it is silent."""
    stage, ill = Stage(), {"a": True, "b": False}

    def sick(name: str) -> Callable[[Generate], Steps]:
        return lambda request: [Stall()] if ill[name] else continues(request)

    async with chain(stage, sick("a"), sick("b"), policy=BreakerPolicy()) as llm:
        for _ in range(BreakerPolicy().consecutive):
            assert text_of(await ask(llm)) == ANSWER
        ill.update(a=False, b=True)
        start = current_time()
        assert text_of(await ask(llm)) == ANSWER
        assert current_time() - start == pytest.approx(ModelPatience().first_token, abs=0.05)


# -- callers that leave ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hedge_after", [math.inf, 0.2])
async def test_when_the_caller_leaves_every_handler_is_gone(hedge_after: float) -> None:
    """At any time: 0.05 s apart, over the whole of an answer that changes hands twice."""
    stage = Stage()

    def slowly(*steps: Any) -> Callable[[Generate], Steps]:
        return lambda _: [each for step in steps for each in (0.07, step)]

    a = slowly(TextDelta("Well, "), TextDelta("the "), Stall())
    b = slowly(TextDelta("Well, "), TextDelta("the "), TextDelta("tower "), ConnectionResetError())
    c = slowly(TextDelta("is "), TextDelta("high."), DONE, 0.5)
    patience = ModelPatience(first_token=0.3, between_tokens=0.5, hedge_after=hedge_after)
    async with chain(stage, a, b, c, patience=patience) as llm:
        texts = set()
        for step in range(45):
            text = ""
            with move_on_after(step * 0.05):
                async with llm.stream(REQUEST) as events:
                    async for event in events:
                        text += event.text if isinstance(event, TextDelta) else ""
            texts.add(text)
            await sleep(0.001)
            assert stage.empty, step
            assert not llm.statistics().in_flight
        assert texts == {
            "",
            "Well, ",
            "Well, the ",
            "Well, the tower ",
            "Well, the tower is ",
            "Well, the tower is high.",
        }
        assert all(each.breaker.failures >= 0 for each in await llm.ask(ListProviders()))


async def test_a_caller_that_leaves_says_nothing_about_the_provider() -> None:
    stage = Stage()
    async with chain(stage, lambda _: [Stall()], policy=BreakerPolicy()) as llm:
        for _ in range(20):
            with move_on_after(1):
                await ask(llm)
        (status,) = await llm.ask(ListProviders())
        assert (status.breaker.circuit, status.breaker.calls, status.breaker.failures) == (Circuit.CLOSED, 20, 0)


# -- hedging -----------------------------------------------------------------------------------------------------------

HEDGED = ModelPatience(first_token=10, hedge_after=0.5)


async def test_a_second_model_is_asked_beside_a_slow_one_and_the_faster_one_goes_on_alone() -> None:
    stage = Stage()
    slow, quick = (lambda _: [3, *continues(REQUEST)]), (lambda _: [0.2, *continues(REQUEST)])
    async with chain(stage, slow, quick, patience=HEDGED) as llm:
        start = current_time()
        assert text_of(await ask(llm)) == ANSWER
        assert current_time() - start == pytest.approx(0.7)
        assert stage.cancelled == ["a"]
        first, second = await llm.ask(ListProviders())
        assert (first.breaker.failures, second.breaker.failures) == (0, 0)
    stage = Stage()
    async with chain(stage, slow, lambda _: [5, *continues(REQUEST)], patience=HEDGED) as llm:
        start = current_time()
        assert text_of(await ask(llm)) == ANSWER
        assert current_time() - start == pytest.approx(3)
        assert stage.cancelled == ["b"]
    assert not stage.of(ProviderReplaced)


async def test_a_quick_model_is_asked_alone() -> None:
    stage = Stage()
    async with chain(stage, lambda _: [0.4, *continues(REQUEST)], continues, patience=HEDGED) as llm:
        assert text_of(await ask(llm)) == ANSWER
    assert [name for name, _ in stage.requests] == ["a"]


async def test_a_failure_is_not_waited_for() -> None:
    stage = Stage()
    async with chain(stage, dies(0, ConnectionResetError()), continues, patience=HEDGED) as llm:
        assert text_of(await ask(llm)) == ANSWER
        assert current_time() == 0
    stage = Stage()
    async with chain(stage, lambda _: [2, *continues(REQUEST)], dies(0, End()), patience=HEDGED) as llm:
        assert text_of(await ask(llm)) == ANSWER  # the second one fails, and the first one is still at it
        assert stage.of(ProviderReplaced) == []


async def test_of_two_first_words_at_the_same_time_one_is_given() -> None:
    stage = Stage()

    def a(request: Generate) -> Steps:
        return [0.7, *continues(request)]

    def b(request: Generate) -> Steps:
        return [0.2, *continues(request)]

    async with chain(stage, a, b, patience=HEDGED) as llm:
        for _ in range(20):
            assert text_of(await ask(llm)) == ANSWER
        await wait_all_tasks_blocked()
        assert stage.empty


async def test_the_slower_one_goes_on_if_the_faster_one_dies() -> None:
    stage = Stage()

    def slow(request: Generate) -> Steps:
        return [1, *continues(request)]

    async with chain(stage, slow, dies(40, ConnectionResetError()), patience=HEDGED) as llm:
        assert text_of(await ask(llm)) == ANSWER
    assert [name for name, _ in stage.requests] == ["a", "b", "a"]
    assert said_in(stage.requests[-1][1]) == ANSWER[:40]


async def test_what_is_the_same_everywhere_ends_a_race() -> None:
    stage = Stage()
    async with chain(stage, lambda _: [5, DONE], lambda _: [InvalidRequest("b")], patience=HEDGED) as llm:
        with pytest.raises(InvalidRequest):
            await ask(llm)
        assert current_time() == pytest.approx(0.5)
        await wait_all_tasks_blocked()
        assert stage.empty


async def test_many_answers_at_a_time_are_kept_apart() -> None:
    stage, answers = Stage(), {}

    async def one(number: int) -> None:
        request = Generate(turns=(Turn(role="user", parts=(TextPart(str(number)),)),))
        answers[number] = text_of(await ask(llm, request))

    def counts(cut: int, *then: Any) -> Callable[[Generate], Steps]:
        def script(request: Generate) -> Steps:
            number = request.turns[0].text
            text = " ".join(f"{number}.{step}" for step in range(20))
            for token in tokens(text[len(said_in(request)) :][:cut]):
                yield token
                yield 0.01
            yield from then

        return script

    async with (
        chain(stage, counts(25, ConnectionResetError()), counts(1000, DONE)) as llm,
        create_task_group() as tasks,
    ):
        for number in range(100):
            tasks.start_soon(one, number)
    for number in range(100):
        assert answers[number] == " ".join(f"{number}.{step}" for step in range(20))


async def test_foreign_errors_reach_the_caller_as_provider_errors() -> None:
    async with chain(Stage(), dies(0, ValueError("what the user said"))) as llm:
        with pytest.raises(ProviderFailed) as caught:
            await ask(llm)
    assert "user" not in str(caught.value)
