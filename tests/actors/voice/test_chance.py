"""Sessions whose clients do anything at any time: every event is answered, every response ends once, nobody is lost."""

import pytest
from chances import one_session

pytestmark = pytest.mark.virtual


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_a_client_does_it_is_answered(seed: int) -> None:
    await one_session(seed)
