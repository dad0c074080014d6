"""``troupe say``: a text as speech, in a file or aloud."""

import sys
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Annotated, Final

from anyio import sleep, to_thread
from cyclopts import Parameter
from rich.console import Console

from ...codecs.encode import encode_to
from ...codecs.encodings import encoding_named
from ...codecs.errors import CodecError
from ..models import TextToSpeech, open_model
from ..talk.sound import Loudspeaker, NoSoundDevice
from .failing import MISCONFIGURED, fail
from .running import run

ENDING: Final = 0.2
"""Seconds that a loudspeaker needs for the last it was given."""


def say(
    text: Annotated[str | None, Parameter(help="What to say; without it, what is on standard input.")] = None,
    *,
    out: Annotated[
        Path | None, Parameter(name=("-o", "--out"), help="The file; its extension says the format.")
    ] = None,
    model: Annotated[str, Parameter(help="NAME or NAME/MODEL, a wish, or several with commas between.")] = "",
    voice: Annotated[str, Parameter(help="Who says it.", show_default=False)] = "",
    speed: Annotated[float, Parameter(help="2 is twice as fast.")] = 1.0,
    language: Annotated[str, Parameter(help="What it is written in, such as: en", show_default=False)] = "",
    config: Annotated[Path | None, Parameter(help="Configuration file; else troupe.toml, if it is there.")] = None,
) -> None:
    """Say a text: into a file (wav, mp3, ogg, flac, …), or aloud where there is a loudspeaker."""
    words = text if text is not None else "" if sys.stdin.isatty() else sys.stdin.read()
    if not words.strip():
        fail("there is nothing to say: give a text, or pipe one in", MISCONFIGURED)
    if out is not None:
        try:
            encoding_named(out.suffix.removeprefix(".").lower())  # before anything is paid for
        except CodecError as error:
            fail(f"{out}: {error}", MISCONFIGURED)

    async def speak() -> None:
        async with open_model(model, TextToSpeech, config=config) as mouth:
            if out is None:
                await _aloud(mouth, words, voice, speed, language)
                return
            spoken = await mouth.transform(words, voice=voice, speed=speed, language=language)
            await to_thread.run_sync(partial(encode_to, out, spoken.audio))
            Console(stderr=True, highlight=False, markup=False).print(
                f"{spoken.seconds:.1f} s by {mouth.name} in {out}", style="dim", soft_wrap=True
            )

    try:
        run(speak)
    except NoSoundDevice as error:
        fail(f"{error}; or write a file: -o speech.wav", 1)


async def _aloud(mouth: TextToSpeech, text: str, voice: str, speed: float, language: str) -> None:
    """Play speech while it is made."""
    async with mouth.stream(text, voice=voice, speed=speed, language=language) as speeches:
        first = await anext(aiter(speeches), None)
        if first is None:
            return
        with closing(Loudspeaker(first.rate)) as loudspeaker:
            loudspeaker.play(first.pcm)
            async for speech in speeches:
                loudspeaker.play(speech.pcm)
            await sleep(loudspeaker.remaining() + ENDING)
