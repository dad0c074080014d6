"""The page's files: all there, under a policy that lets nothing else run."""

import re
from functools import partial
from pathlib import Path

import httpcore2  # noqa: F401  (httpx2 would import it in the event loop)
import httpx2
import pytest
from conversations import Script, scripted_system
from servers import serving
from troupe.actors.secret import Secret
from troupe.services.gateway.access import Access
from troupe.services.gateway.app import Gateway
from troupe.services.playground import pages

pytestmark = [pytest.mark.real_time, pytest.mark.asyncio_only]

STATIC = Path(pages.__file__).parent / "static"


def gateway(*keys: str) -> Gateway:
    return Gateway(Access(tuple(map(Secret, keys))), system=partial(scripted_system, Script(), 5.0))


async def test_whoever_may_connect_gets_the_page_and_all_that_it_names() -> None:
    async with serving(gateway("key").application()) as address, httpx2.AsyncClient(verify=False) as http:
        index = await http.get(f"http://{address}/")
        assert index.status_code == 200
        assert "script-src 'self'" in index.headers["content-security-policy"]
        names = set(re.findall(r'(?:href|src)="(playground/[^"]+)"', index.text))
        assert {"playground/main.js", "playground/style.css"} <= names
        for name in names:
            file = await http.get(f"http://{address}/{name}")
            assert file.status_code == 200, name
            again = await http.get(f"http://{address}/{name}", headers={"if-none-match": file.headers["etag"]})
            assert again.status_code == 304


def test_nothing_on_the_page_would_be_stopped_by_its_policy() -> None:
    index = (STATIC / "index.html").read_text()
    assert not re.search(r"\son\w+=", index), "an inline handler"
    assert not re.search(r"\sstyle=", index), "an inline style"
    assert not re.search(r"<script(?![^>]*\ssrc=)", index), "an inline script"


@pytest.mark.parametrize("path", sorted(STATIC.glob("*.js")), ids=lambda path: path.name)
def test_scripts_import_what_is_there_and_nothing_from_elsewhere(path: Path) -> None:
    for name in re.findall(r'(?:from|import|addModule\(new URL\()\s*"([^"]+)"', path.read_text()):
        assert (STATIC / name).is_file(), name


def test_scripts_find_all_elements_that_they_look_for() -> None:
    ids = set(re.findall(r'\sid="([^"]+)"', (STATIC / "index.html").read_text()))
    for path in STATIC.glob("*.js"):
        assert set(re.findall(r'\$\("([^"]+)"\)', path.read_text())) <= ids, path.name
