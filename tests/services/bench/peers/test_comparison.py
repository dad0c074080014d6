"""A subject's trials, with a stand-in that speaks a peer's protocol; nothing here depends on how fast it is."""

import os
from pathlib import Path

import anyio
import pytest
from msgspec.structs import replace
from troupe.services.bench.crew import Situation
from troupe.services.bench.order import LoadFailed
from troupe.services.bench.peers.comparison import Effort, Trials
from troupe.services.bench.peers.subjects import Subject
from troupe.services.bench.script import Plan
from troupe.services.bench.speech import save, vowels

pytestmark = pytest.mark.real_time

SUPPORT = Path(__file__).parents[3] / "support"
STAND_IN = Subject(
    title="a stand-in", script="pcm_stand_in.py", arguments=("--set-up", "usual"), distribution="websockets", wire="pcm"
)
SHORT = Effort(few=1, seconds=2.5, warm_up=0.0, trials=0, plan=Plan(pause=0.8, interrupt_every=0))


def trials(subject: Subject, folder: Path, effort: Effort, shown: list[Situation]) -> Trials:
    sounds = folder / "speech.npz"
    save(sounds, [vowels(0.6)])
    return Trials(
        subject,
        python=None,
        version="1",
        benchmarks=SUPPORT,
        sounds=sounds,
        processor=min(os.sched_getaffinity(0)),
        effort=effort,
        show=shown.append,
    )


def test_turns_are_measured_over_a_protocol_that_is_not_ours(tmp_path: Path) -> None:
    shown: list[Situation] = []
    outcome = anyio.run(trials(STAND_IN, tmp_path, SHORT, shown).run)
    if outcome.few is None:  # on a machine as busy as this one is, a load says nothing of its server
        assert "late" in outcome.run.remarks[-1]
        return
    (step,) = outcome.run.steps
    assert step is outcome.few
    assert step.counts["turns"] >= 1
    assert step.counts["unanswered"] == 0
    assert step.counts["audio_ms"] >= 20
    assert len(step.distributions["first_audio"].values) == step.counts["turns"]
    assert step.distributions["audio_late"].values
    assert step.cpu is not None
    assert "errors" not in step.counts
    assert (outcome.run.name, outcome.run.version, outcome.run.knee) == ("a stand-in", "1", None)
    assert outcome.run.settings["silence that ends a turn"] == "0.3 s"
    assert outcome.memory is None, "of one trial nothing can be told"
    assert shown


def test_a_server_that_does_not_start_is_quoted(tmp_path: Path) -> None:
    broken = replace(STAND_IN, arguments=("broken",))
    with pytest.raises(LoadFailed, match="there is nothing to serve with"):
        anyio.run(trials(broken, tmp_path, SHORT, []).run)
