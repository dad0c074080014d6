"""Files of models, fetched from a server that has them, breaks off, changes them, or lies."""

import base64
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google_crc32c import Checksum
from troupe.actors.inference.catalogue import LocalEngine, ModelFile
from troupe.actors.inference.errors import NotInstalled
from troupe.services.pulling import PullFailed, pull

pytestmark = pytest.mark.real_time

DATA = bytes(range(256)) * 8192
"""2 MiB."""


class Publisher(http.server.ThreadingHTTPServer):
    """Serves one file, with ranges if it is asked for one of the same version."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.data = DATA
        self.etag: str | None = '"first"'
        self.break_at: list[int] = []
        """After how many bytes the next answers break off."""
        self.status = 0
        self.ranges: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/model.bin"

    def handle_error(self, *_: Any) -> None:
        """A client may leave."""


class Handler(http.server.BaseHTTPRequestHandler):
    server: Publisher
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        server, asked = self.server, self.headers.get("range")
        server.ranges.append(asked)
        if server.status:
            self.send_error(server.status)
            return
        start = 0
        if asked and self.headers.get("if-range") == server.etag:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        if start >= len(server.data):
            self.send_response(416)
            self.send_header("content-range", f"bytes */{len(server.data)}")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        data = server.data[start:]
        self.send_response(206 if start else 200)
        self.send_header("content-length", str(len(data)))
        if server.etag:
            self.send_header("etag", server.etag)
        self.end_headers()
        self.wfile.write(data[: server.break_at.pop(0)] if server.break_at else data)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setattr("troupe.services.pulling.PAUSE", 0)
    with Publisher() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def engine(url: str, *, checksum: str | None = None, size: int = len(DATA)) -> LocalEngine:
    checksum = f"crc32c:{base64.b64encode(Checksum(DATA).digest()).decode()}" if checksum is None else checksum
    file = ModelFile("model.bin", url, size, checksum)
    return LocalEngine(name="tiny", kind="stt", files=(file,), licence="", languages="", remark="")


def fetch(of: LocalEngine, folder: Path) -> list[int]:
    done: list[int] = []
    pull(of, folder, lambda _file, now, _total: done.append(now))
    return done


def left(folder: Path) -> set[str]:
    return {path.name for path in (folder / "tiny").iterdir()} - {".lock"}


def test_a_file_is_fetched_whole_and_only_once(publisher: Publisher, tmp_path: Path) -> None:
    done = fetch(engine(publisher.url), tmp_path)
    assert (tmp_path / "tiny" / "model.bin").read_bytes() == DATA
    assert left(tmp_path) == {"model.bin"}
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, len(DATA))
    assert fetch(engine(publisher.url), tmp_path) == []


@pytest.mark.parametrize("checksum", [None, ""])
def test_what_breaks_off_goes_on_where_it_was(publisher: Publisher, tmp_path: Path, checksum: str | None) -> None:
    publisher.break_at = [1_000_000, 500_000, 100_000]
    fetch(engine(publisher.url, checksum=checksum), tmp_path)
    assert publisher.ranges == [None, "bytes=1000000-", "bytes=1500000-", "bytes=1600000-"]
    assert (tmp_path / "tiny" / "model.bin").read_bytes() == DATA


def test_so_it_does_in_the_next_run(publisher: Publisher, tmp_path: Path) -> None:
    publisher.break_at = [1_000_000, 0, 0, 0]
    with pytest.raises(PullFailed, match=r"127\.0\.0\.1 was lost .*the same command goes on where it was"):
        fetch(engine(publisher.url), tmp_path)
    assert left(tmp_path) == {"model.bin.part", "model.bin.etag"}
    publisher.break_at, publisher.ranges = [], []
    assert fetch(engine(publisher.url), tmp_path)[0] == 1_000_000
    assert publisher.ranges == ["bytes=1000000-"]
    assert (tmp_path / "tiny" / "model.bin").read_bytes() == DATA


@pytest.mark.parametrize("etag", ['"second"', None])
def test_a_file_that_may_have_changed_in_between_begins_anew(
    publisher: Publisher, tmp_path: Path, etag: str | None
) -> None:
    publisher.data, publisher.break_at = bytes(len(DATA)), [1_000_000, 0, 0, 0]
    with pytest.raises(PullFailed):
        fetch(engine(publisher.url), tmp_path)
    publisher.data, publisher.etag, publisher.break_at = DATA, etag, []
    assert fetch(engine(publisher.url), tmp_path)[0] == 0
    assert (tmp_path / "tiny" / "model.bin").read_bytes() == DATA


def test_one_that_was_complete_but_for_its_name_is_not_fetched_again(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "model.bin.part").write_bytes(DATA)
    (tmp_path / "tiny" / "model.bin.etag").write_text('"first"')
    assert fetch(engine(publisher.url), tmp_path) == []
    assert (tmp_path / "tiny" / "model.bin").read_bytes() == DATA


def test_one_that_has_more_than_there_is_begins_anew(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "tiny").mkdir()
    (tmp_path / "tiny" / "model.bin.part").write_bytes(DATA + b"more")
    (tmp_path / "tiny" / "model.bin.etag").write_text('"first"')
    fetch(engine(publisher.url), tmp_path)
    assert (tmp_path / "tiny" / "model.bin").read_bytes() == DATA


@pytest.mark.parametrize(
    ("data", "told"),
    [(DATA[:-1], "model.bin has 2097151 bytes, not 2097152"), (b"x" + DATA[1:], "model.bin has another checksum")],
)
def test_a_file_that_is_not_what_was_published_is_thrown_away(
    publisher: Publisher, tmp_path: Path, data: bytes, told: str
) -> None:
    publisher.data = data
    with pytest.raises(PullFailed, match=told):
        fetch(engine(publisher.url), tmp_path)
    assert left(tmp_path) == set()


def test_what_is_not_there_is_said_plainly(publisher: Publisher, tmp_path: Path) -> None:
    publisher.status = 404
    with pytest.raises(PullFailed, match=r"127\.0\.0\.1 answered HTTP 404 for model\.bin"):
        fetch(engine(publisher.url), tmp_path)


def test_a_disk_without_room_is_told_before(publisher: Publisher, tmp_path: Path) -> None:
    with pytest.raises(PullFailed, match=r"model\.bin has 1000000000 MB, and \d+ MB are free"):
        fetch(engine(publisher.url, size=10**15), tmp_path)
    assert publisher.ranges == []


def test_a_folder_that_is_none_is_told(publisher: Publisher, tmp_path: Path) -> None:
    (tmp_path / "tiny").write_text("a file")
    with pytest.raises(PullFailed, match="can't be written: File exists"):
        fetch(engine(publisher.url), tmp_path)


def test_two_at_a_time_do_not_write_into_the_same_file(publisher: Publisher, tmp_path: Path) -> None:
    def meanwhile(*_: Any) -> None:
        with pytest.raises(PullFailed, match="another process is fetching"):
            fetch(engine(publisher.url), tmp_path)

    pull(engine(publisher.url), tmp_path, meanwhile)


def test_without_the_package_that_checks_nothing_is_fetched(
    publisher: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "google_crc32c", None)
    with pytest.raises(NotInstalled, match=r"pip install 'troupe\[moonshine\]'"):
        fetch(engine(publisher.url), tmp_path)
    assert publisher.ranges == []
