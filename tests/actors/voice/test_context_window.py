"""Which items a model is told when a conversation is too long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.errors import RequestTooLong
from troupe.actors.realtime.items import FunctionCall, FunctionCallOutput, InputImage, InputText, Item, Message
from troupe.actors.realtime.session_config import RetentionRatio, TokenLimits
from troupe.actors.voice.context_window import IMAGE_TOKENS, ITEM_TOKENS, ContextWindow, tokens_of


def said(number: int, tokens: int = 10) -> Item:
    text = "x" * 4 * (tokens - ITEM_TOKENS)
    return Message(id=f"item_{number}", role="user", content=(InputText(text=text),))


ITEMS = [said(number) for number in range(10)]


def ids(items: list[Item]) -> list[str]:
    return [item.id for item in items]


def test_tokens_are_estimated_by_content() -> None:
    assert tokens_of(said(0, 25)) == 25
    picture = Message(role="user", content=(InputImage(image_url="data:image/png;base64," + "A" * 10_000),))
    assert tokens_of(picture) == ITEM_TOKENS + IMAGE_TOKENS


def test_the_oldest_items_leave_a_context_that_is_full() -> None:
    assert ContextWindow(100).fit(ITEMS, "auto") == ITEMS
    assert ids(ContextWindow(35).fit(ITEMS, "auto")) == ["item_7", "item_8", "item_9"]
    assert ids(ContextWindow(35).fit(ITEMS, "auto", "y" * 60)) == ["item_8", "item_9"]
    assert ids(ContextWindow(3).fit(ITEMS, "auto")) == ["item_9"]


def test_without_truncation_it_is_an_error() -> None:
    assert ContextWindow(100).fit(ITEMS, "disabled") == ITEMS
    with pytest.raises(RequestTooLong):
        ContextWindow(99).fit(ITEMS, "disabled")


def test_with_a_ratio_the_beginning_stays_the_same_for_a_while() -> None:
    window, half = ContextWindow(100), RetentionRatio(retention_ratio=0.5)
    items = [said(number) for number in range(11)]
    assert ids(window.fit(items, half))[0] == "item_6"
    for number in range(11, 16):
        items.append(said(number))
        assert ids(window.fit(items, half))[0] == "item_6"
    items.append(said(16))
    assert ids(window.fit(items, half))[0] == "item_12"


def test_a_limit_of_the_client_counts_if_it_is_lower() -> None:
    limited = RetentionRatio(retention_ratio=1, token_limits=TokenLimits(post_instructions=25))
    assert ids(ContextWindow(100).fit(ITEMS, limited)) == ["item_8", "item_9"]


def test_the_result_of_a_call_leaves_with_the_call() -> None:
    call = FunctionCall(id="call", name="clock", call_id="c1", arguments="{}")
    output = FunctionCallOutput(id="output", call_id="c1", output="x" * 20)
    assert ids(ContextWindow(16).fit([call, output, said(1)], "auto")) == ["item_1"]


@given(st.lists(st.integers(5, 40), min_size=1, max_size=20), st.integers(1, 300), st.floats(0, 1))
def test_what_is_told_is_the_end_of_the_conversation_and_fits(sizes: list[int], limit: int, ratio: float) -> None:
    items = [said(number, size) for number, size in enumerate(sizes)]
    for truncation in ("auto", RetentionRatio(retention_ratio=ratio)):
        told = ContextWindow(limit).fit(items, truncation)
        assert told
        assert told == items[-len(told) :]
        assert len(told) == 1 or sum(map(tokens_of, told)) <= limit
