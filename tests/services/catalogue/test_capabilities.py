"""The names of what models can do."""

from typing import get_args

from troupe.actors.contracts import Feature
from troupe.codecs.roles import roles
from troupe.services.catalogue.capabilities import CAPABILITIES, PLAIN
from troupe.services.kinds.kind import WORKS
from troupe.services.kinds.registry import KINDS


def test_there_are_more_than_twenty_and_their_roles_are_known() -> None:
    assert len(CAPABILITIES) > 20
    for capability in CAPABILITIES.values():
        assert {*capability.takes, *capability.gives} <= set(roles())


def test_each_work_has_a_plain_name_and_each_feature_of_lists_a_capability() -> None:
    assert PLAIN.keys() == set(WORKS)
    assert all(CAPABILITIES[name].work == work for work, name in PLAIN.items())
    assert {each.feature for each in CAPABILITIES.values() if each.feature} == set(get_args(Feature))


def test_kinds_say_nothing_that_is_not_known() -> None:
    for kind in KINDS.values():
        assert set(kind.capabilities) <= CAPABILITIES.keys()
