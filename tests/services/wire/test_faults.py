"""A fault changes the steps of an answer, and nothing else of it."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.services.wire.answers import Answer, Break, Pause, json_answer, sse_answer
from troupe.services.wire.faults import Cut, Drip, End, Fault, Insert, Late, Refuse, Replace, Reset, Stall, spoil

ANSWER = sse_answer({"a": 1}, {"b": 2}, done=True)
PIECES = (b'data: {"a":1}\n\n', b'data: {"b":2}\n\n', b"data: [DONE]\n\n")


def refuse(status: int, code: str | None) -> Answer:
    return json_answer({"error": {"code": code or "usual"}}, status)


def meet(fault: Fault, answer: Answer = ANSWER) -> Answer:
    return spoil(answer, fault, refuse)


def body(answer: Answer) -> bytes:
    return b"".join(step for step in answer.steps if isinstance(step, bytes))


def test_a_good_answer_is_one_piece_per_event() -> None:
    assert ANSWER.steps == PIECES
    assert ANSWER.streamed


def test_late_and_stall_wait_for_ever_unless_told_how_long() -> None:
    assert meet(Late()).late == math.inf
    assert meet(Late(0.5)).late == 0.5
    assert meet(Stall(1)).steps == (PIECES[0], Pause(math.inf), *PIECES[1:])
    assert meet(Stall(0, 0.1)).steps == (Pause(0.1), *PIECES)


def test_refusals_have_the_providers_body_or_a_web_page() -> None:
    refused = meet(Refuse(429, retry_after=1.5))
    assert (refused.status, refused.headers["retry-after"]) == (429, "1.5")
    assert b"usual" in body(refused)
    assert b"other" in body(meet(Refuse(400, code="other")))
    page = meet(Refuse(502, html=True))
    assert (page.status, page.headers["content-type"]) == (502, "text/html")
    assert b"<html>" in body(page)


@given(at=st.integers(0, 60))
@pytest.mark.parametrize(("fault", "last"), [(End, None), (Reset, Break.RESET), (Cut, Break.CUT)])
def test_what_ends_early_ends_after_that_many_bytes(
    fault: type[End] | type[Reset] | type[Cut], last: Break | None, at: int
) -> None:
    spoiled = meet(fault(at))
    assert body(spoiled) == b"".join(PIECES)[:at]
    assert [step for step in spoiled.steps if isinstance(step, Break)] == ([] if last is None else [last])


@given(size=st.integers(1, 50))
def test_a_drip_is_the_same_bytes_in_other_pieces(size: int) -> None:
    dripping = meet(Drip(size, 0.1))
    assert body(dripping) == b"".join(PIECES)
    assert all(len(step) <= size for step in dripping.steps if isinstance(step, bytes))
    assert dripping.steps[1] == Pause(0.1)
    assert all(isinstance(step, bytes) for step in meet(Drip(size)).steps)


def test_insert_and_replace_change_the_body() -> None:
    assert meet(Insert(1, b"garbage")).steps == (PIECES[0], b"garbage", *PIECES[1:])
    nothing = meet(Replace())
    assert nothing.steps == ()
    assert nothing.headers == ANSWER.headers
    page = meet(Replace(b"<p>", "text/html"))
    assert (body(page), page.headers["content-type"]) == (b"<p>", "text/html")


def test_faults_combine_from_left_to_right() -> None:
    both = meet(Reset(30), meet(Drip(4)))
    assert body(both) == b"".join(PIECES)[:30]
    assert both.steps[-1] is Break.RESET
