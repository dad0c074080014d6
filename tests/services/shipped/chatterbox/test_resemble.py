"""What is done with the library's model, on an object that keeps its state as the library's classes do."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from troupe.services.shipped.chatterbox.engine import Manner
from troupe.services.shipped.chatterbox.resemble import KINDS, REMEMBERED, Chatterbox
from troupe.services.shipped.serving.refusals import EngineFailed


class Model:
    """Keeps the last voice it was given, and tells what it was asked."""

    sr = 24_000

    def __init__(self) -> None:
        self.conds: Any = "its own"
        self.listened: list[str] = []
        self.said: list[tuple[Any, str, dict[str, Any]]] = []

    def prepare_conditionals(self, path: str) -> None:
        self.listened.append(path)
        self.conds = f"of {path}"

    def generate(self, text: str, **options: Any) -> np.ndarray:
        if text == "too much":
            raise RuntimeError("CUDA out of memory")
        self.said.append((self.conds, text, options))
        return np.full((1, 10), 0.5)


def test_each_call_has_its_own_voice() -> None:
    model, seeds = Model(), list[int]()
    engine = Chatterbox(model, "chatterbox", seeds.append)
    for reference in (None, Path("a"), None, Path("b"), Path("a")):
        samples = engine.speak("hello", Manner(seed=7), reference)
        assert (samples.dtype, samples.shape) == (np.float32, (10,))
    assert [conds for conds, _, _ in model.said] == ["its own", "of a", "its own", "of b", "of a"]
    assert model.listened == ["a", "b"]  # each once
    assert seeds == [7] * 5


def test_voices_are_forgotten_in_their_turn() -> None:
    model = Model()
    engine = Chatterbox(model, "chatterbox", print)
    for number in (*range(REMEMBERED), 0, REMEMBERED, 0, 1):
        engine.speak("hello", Manner(), Path(str(number)))
    assert model.listened[-2:] == [str(REMEMBERED), "1"]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("chatterbox", {"exaggeration": 1.0, "cfg_weight": 0.5, "temperature": 0.8}),
        ("multilingual", {"exaggeration": 1.0, "cfg_weight": 0.5, "temperature": 0.8, "language_id": "fr"}),
        ("turbo", {"temperature": 0.8}),
    ],
)
def test_models_are_asked_for_what_they_know(name: str, options: dict[str, Any]) -> None:
    model = Model()
    Chatterbox(model, name, print).speak("hello", Manner(language="fr", exaggeration=1.0), None)
    assert model.said == [("its own", "hello", options)]
    assert set(KINDS) == {"chatterbox", "multilingual", "turbo"}


def test_failures_of_the_library_are_told_apart() -> None:
    with pytest.raises(EngineFailed):
        Chatterbox(Model(), "turbo", print).speak("too much", Manner(), None)
