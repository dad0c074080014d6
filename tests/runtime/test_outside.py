"""Work given away is counted for each event loop by itself."""

import anyio
from anyio.lowlevel import current_token
from troupe.runtime import outside


async def test_work_is_under_way_until_all_of_it_is_back() -> None:
    loop = current_token().native_token
    assert not outside.under_way(loop)
    with outside.hold_clock():
        with outside.hold_clock():
            assert outside.under_way(loop)
        assert outside.under_way(loop)
    assert not outside.under_way(loop)


async def test_each_event_loop_has_its_own_count() -> None:
    async def elsewhere() -> bool:
        return outside.under_way(current_token().native_token)

    with outside.hold_clock():
        assert not await anyio.to_thread.run_sync(anyio.run, elsewhere)
