"""Keys that come and go with the lines of a file."""

from functools import partial
from pathlib import Path

import pytest
from anyio import fail_after, to_thread
from conversations import Script, scripted_system
from servers import serving
from troupe.actors.secret import Secret
from troupe.services.gateway.access import Access
from troupe.services.gateway.app import Gateway
from troupe.services.gateway.key_file import KeyFile
from troupe.services.gateway.shared import Shared
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus


def test_a_key_a_line(tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("# those of the team\none\n\n  two  \n")
    file = KeyFile(path)
    assert file.read() == (Secret("one"), Secret("two"))
    assert file.read() is None
    path.write_text("two\n")
    assert file.read() == (Secret("two"),)
    path.write_text("two\nnot a key\n")
    with pytest.raises(ValueError, match="line 2: a key consists of"):
        file.read()
    path.unlink()
    with pytest.raises(OSError, match="keys"):
        file.read()


def test_a_short_signing_key_is_refused() -> None:
    with pytest.raises(ValueError, match="32 random characters"):
        Shared(b"secret")


@pytest.mark.real_time
@pytest.mark.asyncio_only
async def test_a_line_that_goes_takes_its_sessions_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troupe.services.gateway.key_file.INTERVAL", 0.02)
    path = tmp_path / "keys"

    def write(text: str) -> None:
        (tmp_path / "new").write_text(text)
        (tmp_path / "new").replace(path)

    await to_thread.run_sync(write, "one\ntwo\n")
    system = Gateway(Access(keys_file=str(path)), "default", partial(scripted_system, Script(), 5.0))
    async with serving(system.application()) as address:
        url = f"ws://{address}/v1/realtime"
        one, two = ({"Authorization": f"Bearer {key}"} for key in ("one", "two"))
        async with connect(url, additional_headers=one) as first, connect(url, additional_headers=two) as second:
            await first.recv()
            await second.recv()
            await to_thread.run_sync(path.unlink)
            await to_thread.run_sync(write, "two\n")
            with pytest.raises(ConnectionClosed), fail_after(5):
                while True:
                    await first.recv()
            assert first.close_code == 3000
            await second.send('{"type": "input_audio_buffer.clear"}')
            await second.recv()
            await to_thread.run_sync(write, "")
            with pytest.raises(ConnectionClosed), fail_after(5):
                while True:
                    await second.recv()
        for headers in (one, two, {}):
            with pytest.raises(InvalidStatus, match="401"):
                await connect(url, additional_headers=headers)
