"""Ids are new each time and short enough for OpenAI."""

import pytest
from troupe.actors.realtime import ids


@pytest.mark.parametrize("kind", ["event", "item", "call", "sess", "resp", "conv"])
def test_an_id_names_its_kind_and_does_not_repeat(kind: str) -> None:
    made = {ids.new_id(kind) for _ in range(1000)}
    assert len(made) == 1000
    assert all(each.startswith(f"{kind}_") and len(each) <= 32 for each in made)
