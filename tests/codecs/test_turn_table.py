"""The turn table is total where it has to be, without contradictions, and the documentation shows it as it is."""

from pathlib import Path

import pytest
from troupe.codecs import turn_table
from troupe.codecs.turn_table import (
    TABLE,
    TIMERS,
    Agent,
    Decision,
    Event,
    Stretch,
    Transition,
    User,
    diagram,
    listing,
    rows,
)

PAGE = Path(__file__).parents[2] / "docs" / "turns.md"
BOTH = pytest.mark.parametrize("interrupts", [True, False])


@BOTH
def test_every_state_and_decision_can_be_reached(interrupts: bool) -> None:
    table = rows(interrupts=interrupts)
    reached, frontier, made = set(), [(User.SILENCE, Agent.IDLE)], set()
    while frontier:
        state = frontier.pop()
        if state not in reached:
            reached.add(state)
            for following in table[state].values():
                frontier.append((following.user, following.agent))
                made.update(following.decisions)
    assert reached == set(table)
    expected = set(Decision.__args__) - (set() if interrupts else {turn_table.Interrupted})
    assert made == expected


@BOTH
def test_a_timer_that_runs_out_is_always_answered(interrupts: bool) -> None:
    """Otherwise the detector would ask for it again and again."""
    for (user, agent), row in rows(interrupts=interrupts).items():
        stretch, event = TIMERS[user]
        if stretch is Stretch.IDLE and agent is not Agent.IDLE:
            continue  # only an idle agent starts this one
        assert row[event].user is not user or row[event].decisions, (user, agent)


@BOTH
def test_voice_and_quiet_alone_lead_back_to_silence_or_an_end(interrupts: bool) -> None:
    """From every state, quiet and the timers bring the user to rest: no turn stays open for good."""
    table = rows(interrupts=interrupts)
    for start in table:
        user, agent = start
        for _ in range(len(User)):
            for event in (Event.QUIET, TIMERS[user][1] if user in {User.SPEECH, User.MAYBE_ENDED} else None):
                if event in table[user, agent]:
                    user, agent, _ = table[user, agent][event]
        assert user in {User.SILENCE, User.ENDED}, start


def test_contradictions_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    doubled = (*TABLE, Transition((User.SPEECH,), (Agent.IDLE,), Event.PAUSED, User.SILENCE))
    monkeypatch.setattr(turn_table, "TABLE", doubled)
    with pytest.raises(ValueError, match="two transitions for speech, idle"):
        rows(interrupts=True)


def test_the_documentation_shows_the_table_as_it_is() -> None:
    page = PAGE.read_text()
    assert f"```mermaid\n{diagram()}\n```" in page, "put troupe.codecs.turn_table.diagram() into docs/turns.md"
    assert f"\n{listing()}\n" in page, "put troupe.codecs.turn_table.listing() into docs/turns.md"
