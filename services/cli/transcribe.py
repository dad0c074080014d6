"""``troupe transcribe``: recordings and videos as text, as JSON, or as captions."""

import sys
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from anyio import to_thread
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ...codecs.captions import to_srt, to_webvtt
from ..models import SpeechToText, open_model
from ..transcribing import Segment, captioned, write_down
from .failing import MISCONFIGURED, fail
from .running import run

Form = Literal["txt", "json", "srt", "vtt"]
FORMS: Final[dict[str, Form]] = {"json_": "json", "srt": "srt", "vtt": "vtt"}


class Written(msgspec.Struct, frozen=True):
    """What stands in the JSON of one file."""

    file: str
    model: str
    text: str
    segments: Sequence[Segment]


def transcribe(
    files: Annotated[list[Path], Parameter(help="Recordings or videos, of any format and length.")],
    *,
    json_: Annotated[bool, Parameter(name="--json", help="Text, segments and words with times.", negative="")] = False,
    srt: Annotated[bool, Parameter(help="SubRip captions.", negative="")] = False,
    vtt: Annotated[bool, Parameter(help="WebVTT captions.", negative="")] = False,
    out: Annotated[
        Path | None, Parameter(name=("-o", "--out"), help="A file; with several recordings, a folder.")
    ] = None,
    model: Annotated[str, Parameter(help="NAME or NAME/MODEL, a wish, or several with commas between.")] = "",
    language: Annotated[str, Parameter(help="What is spoken, such as: en", show_default=False)] = "",
    prompt: Annotated[str, Parameter(help="Words or style to expect.", show_default=False)] = "",
    config: Annotated[Path | None, Parameter(help="Configuration file; else troupe.toml, if it is there.")] = None,
) -> None:
    """Write down what is said in recordings and videos: to standard output, or to files.

    They are cut into passages at pauses, so that their length does not matter. Several as JSON are a line each.
    """
    chosen = [name for name, wanted in zip(FORMS, (json_, srt, vtt), strict=True) if wanted]
    if len(chosen) > 1:
        fail("choose one of --json, --srt and --vtt", MISCONFIGURED)
    form: Form = FORMS[chosen[0]] if chosen else "txt"
    if len(files) > 1 and form in {"srt", "vtt"} and out is None:
        fail(f"captions of several files need a folder to be written to: --{form} -o captions/", MISCONFIGURED)
    if missing := [file for file in files if not file.is_file()]:
        fail(f"there is no file {missing[0]}", MISCONFIGURED)

    many = len(files) > 1 or (out is not None and out.is_dir())

    async def write() -> None:
        async with open_model(model, SpeechToText, config=config) as ear:
            for file in files:
                segments = await _segments(ear, file, language, prompt)
                text = _text(form, file, ear.name, segments)
                if out is None:
                    sys.stdout.write(f"{file}\n" * (len(files) > 1 and form == "txt") + text)
                    sys.stdout.flush()
                else:
                    target = out / f"{file.stem}.{form}" if many else out
                    await to_thread.run_sync(_save, target, text)

    run(write)


async def _segments(ear: SpeechToText, file: Path, language: str, prompt: str) -> list[Segment]:
    """Write one file down, with a bar that shows how far it is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    segments: list[Segment] = []
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bar = bars.add_task(file.name, total=None)
        async with aclosing(write_down(ear, file, language=language, prompt=prompt)) as steps:
            async for step in steps:
                bars.update(bar, completed=step.done, total=step.total)
                if step.segment is not None:
                    segments.append(step.segment)
    return segments


def _text(form: Form, file: Path, model: str, segments: Sequence[Segment]) -> str:
    text = "\n".join(segment.text for segment in segments)
    match form:
        case "txt":
            return text + "\n"
        case "json":
            return msgspec.json.encode(Written(str(file), model, text, segments)).decode() + "\n"
        case "srt":
            return to_srt(captioned(segments))
        case "vtt":
            return to_webvtt(captioned(segments))


def _save(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, "utf-8")
