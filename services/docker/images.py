"""Getting the image of a service: it is here, or it is built, or it is pulled, with progress."""

import io
import tarfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

import msgspec
from anyio import CapacityLimiter, to_thread

from ..config.errors import ConfigError
from .container import Plan
from .engine import Engine
from .errors import BuildFailed, EngineRefused, ImageMissing
from .manifest import Build
from .status import Replica, State
from .wire import Progress

LARGEST_CONTEXT: Final = 512 << 20
"""Bytes that are sent for a build."""
REMEMBERED: Final = 12
"""Lines of a build that are told when it fails."""


async def ensure_image(engine: Engine, plan: Plan, replica: Replica, files: CapacityLimiter) -> None:
    """See that the image of a service is here.

    One that has a build is built each time: the engine's cache makes that quick when nothing has changed.

    Raises:
        ImageMissing: It can't be had.
        BuildFailed: It can't be built.
        ConfigError: What it is built from is not there.
        EngineError: The engine can't be reached, or refuses.
    """
    if plan.build is not None:
        replica.change(State.BUILDING)
        context = await to_thread.run_sync(pack, plan.folder / plan.build.context, plan.build, limiter=files)
        await _build(engine, plan, plan.build, context, replica)
    elif await engine.image(plan.image) is None:
        replica.change(State.PULLING, remark=plan.image)
        await pull(engine, plan.image, replica)


async def pull(engine: Engine, image: str, replica: Replica) -> None:
    """Fetch an image, and tell the replica how far it is.

    Raises:
        ImageMissing: It can't be had.
        EngineError: The engine can't be reached.
    """
    layers: dict[str, tuple[int, int]] = {}
    complaint = ""
    try:
        async with engine.pull(image) as feed:
            async for progress in feed:
                complaint = progress.error or complaint
                _count(progress, layers)
                total = sum(total for _, total in layers.values())
                done = sum(current for current, _ in layers.values()) / total if total else None
                replica.change(State.PULLING, done=done, remark=image)
    except EngineRefused as error:
        complaint = error.message
    if complaint:
        raise ImageMissing(
            f"there is no image {image} here, and it can't be pulled: {complaint}. Build it (`docker build -t {image} "
            "…`), load it (`docker load`), or see to the registry"
        )


def _count(progress: Progress, layers: dict[str, tuple[int, int]]) -> None:
    detail = progress.progress_detail
    if progress.id and detail is not None and detail.total and progress.status == "Downloading":
        layers[progress.id] = (detail.current, detail.total)
    elif progress.id in layers and progress.status in {"Download complete", "Pull complete"}:
        total = layers[progress.id][1]
        layers[progress.id] = (total, total)


async def _build(engine: Engine, plan: Plan, build: Build, context: bytes, replica: Replica) -> None:
    query = {"t": plan.image, "dockerfile": build.dockerfile, "rm": "true", "forcerm": "true"}
    if build.target:
        query["target"] = build.target
    if build.args:
        query["buildargs"] = msgspec.json.encode(build.args).decode()
    said: list[str] = []
    complaint = ""
    try:
        async with engine.build(context, query) as feed:
            async for progress in feed:
                complaint = progress.error or complaint
                if line := progress.stream.strip():
                    said = [*said[1 - REMEMBERED :], line]
                    done = _step(line)
                    replica.change(State.BUILDING, remark=line[:120], **({} if done is None else {"done": done}))
    except EngineRefused as error:
        complaint = error.message
    if complaint:
        lines = "".join(f"\n  {line}" for line in said)
        raise BuildFailed(f"{plan.service} can't be built from {build.dockerfile}: {complaint}{lines}")


def _step(line: str) -> float | None:
    """Return how far a build is, from a line such as ``Step 3/7 : RUN …``."""
    word, _, rest = line.partition(" ")
    number, _, total = rest.partition(" ")[0].partition("/")
    if word == "Step" and number.isdecimal() and total.isdecimal() and int(total):
        return (int(number) - 1) / int(total)
    return None


def pack(folder: Path, build: Build) -> bytes:
    """Return what is sent to the engine for a build, without what ``.dockerignore`` names. It reads files.

    Raises:
        ConfigError: The folder or its Dockerfile is not there, or it has too much in it.
    """
    if not folder.is_dir():
        raise ConfigError(f"build.context is a folder beside the manifest; {folder} is none", "build")
    dockerfile = folder / build.dockerfile
    if not dockerfile.is_file() or not dockerfile.resolve().is_relative_to(folder.resolve()):
        raise ConfigError(f"there is no {build.dockerfile} in {folder}", "build")
    ignored = _ignored(folder)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for path in _files(folder):
            name = path.relative_to(folder).as_posix()
            if name != build.dockerfile and _matches(name, ignored):
                continue
            if packed.tell() + (path.lstat().st_size if path.is_file() else 0) > LARGEST_CONTEXT:
                raise ConfigError(
                    f"{folder} has more than {LARGEST_CONTEXT >> 20} MiB in it; name what the build does not need in "
                    ".dockerignore",
                    "build",
                )
            archive.add(path, name, recursive=False)
    return packed.getvalue()


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from _files(path)


def _ignored(folder: Path) -> list[str]:
    try:
        lines = (folder / ".dockerignore").read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [line.strip().strip("/") for line in lines if line.strip() and not line.startswith("#")]


def _matches(name: str, patterns: list[str]) -> bool:
    """Whether a file is left out; of several patterns that match, the last one says so."""
    out = False
    for pattern in patterns:
        bare = pattern.removeprefix("!").removeprefix("**/")
        parents = [name, *(name[:end] for end in range(len(name)) if name[end] == "/")]
        anywhere = pattern.lstrip("!").startswith("**/")
        if any(fnmatch(each, bare) or (anywhere and fnmatch(each, f"*/{bare}")) for each in parents):
            out = not pattern.startswith("!")
    return out
