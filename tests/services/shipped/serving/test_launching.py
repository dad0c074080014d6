import pytest
from troupe.services.shipped.serving.launching import engine_maker


def test_an_engine_is_found_by_its_path() -> None:
    assert engine_maker("collections:OrderedDict")([(1, 2)]) == {1: 2}


@pytest.mark.parametrize("path", ["nowhere.at.all:make", "collections:nothing", "collections", ":x"])
def test_an_engine_that_is_not_there_is_told(path: str) -> None:
    with pytest.raises(SystemExit, match="write it as module:function"):
        engine_maker(path)
