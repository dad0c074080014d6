"""What tests with containers share; and an image with this machine's ffmpeg, as no registry is asked for anything."""

import io
import os
import shutil
import tarfile
from pathlib import Path

import httpcore2  # noqa: F401  (httpx2 imports it when it is first used, and that reads files in the event loop)
import httpx2
import pytest
from containers import need_engine
from images import libraries
from media_jobs import folder

__all__ = ["folder", "image", "socket"]

FFMPEG = "troupe-test/ffmpeg:1"


@pytest.fixture(scope="session")
def socket() -> Path:
    """The engine's; the test is skipped where there is none, and fails in CI."""
    return need_engine()


@pytest.fixture(scope="session")
def image(socket: Path) -> str:
    """The name of the image."""
    program = shutil.which("ffmpeg")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("there is no ffmpeg; apt-get install ffmpeg")
        pytest.skip("there is no ffmpeg")
    with httpx2.Client(transport=httpx2.HTTPTransport(uds=str(socket)), timeout=120) as client:
        if client.get(f"http://engine/images/{FFMPEG}/json").status_code != httpx2.codes.OK:
            query = {"fromSrc": "-", "repo": FFMPEG.partition(":")[0], "tag": "1"}
            client.post("http://engine/images/create", params=query, content=packed(Path(program))).raise_for_status()
    return FFMPEG


def packed(program: Path) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(program.resolve(), "usr/bin/ffmpeg")
        for path in libraries(program):
            tar.add(path.resolve(), str(path).lstrip("/") if path.name.startswith("ld-") else f"lib/{path.name}")
        entry = tarfile.TarInfo("tmp")
        entry.type, entry.mode = tarfile.DIRTYPE, 0o777
        tar.addfile(entry)
    return archive.getvalue()
