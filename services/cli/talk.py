"""``troupe talk``: a conversation in the terminal."""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Final

import anyio
from anyio import WouldBlock, create_memory_object_stream, to_thread
from anyio.streams.memory import MemoryObjectSendStream
from cyclopts import Parameter
from rich.console import Console

from ...codecs.errors import CodecError
from ..talk.client import TalkFailed, Wishes, conversation
from ..talk.screen import Screen
from ..talk.sound import Answers, Headset, NoSoundDevice, recording
from .failing import fail

KEY_VARIABLE: Final = "TROUPE_API_KEY"
DEFAULT: Final = "ws://127.0.0.1:8000"
HEARD: Final = 50
"""Frames of 20 ms that may wait for the connection."""


def talk(
    url: Annotated[str, Parameter(help="The server; any that speaks the OpenAI Realtime protocol.")] = DEFAULT,
    *,
    file: Annotated[
        tuple[Path, ...], Parameter(help="Say these recordings, one turn each.", negative="", show_default=False)
    ] = (),
    out: Annotated[Path | None, Parameter(help="Write what is answered to this WAV file.")] = None,
    text: Annotated[bool, Parameter(help="Type instead of talking; answers are written.", negative="")] = False,
    voice: Annotated[str, Parameter(help="The voice of the answers.", show_default=False)] = "",
    language: Annotated[str, Parameter(help="What is spoken, such as: en", show_default=False)] = "",
    instructions: Annotated[str, Parameter(help="What the model is to be.", show_default=False)] = "",
    key: Annotated[str, Parameter(help=f"The server's key; {KEY_VARIABLE} if not given.", show_default=False)] = "",
    insecure: Annotated[bool, Parameter(help="Accept a certificate that nobody vouches for.", negative="")] = False,
) -> None:
    """Talk with a server: microphone and loudspeaker, recordings, or typed lines.

    Each turn ends with a line that says where its time went.
    """
    screen = Screen(Console(highlight=False))
    wishes = Wishes(
        url=url,
        key=key or os.environ.get(KEY_VARIABLE, ""),
        insecure=insecure,
        voice=voice,
        language=language,
        instructions=instructions,
    )
    try:
        if text:
            anyio.run(_type, wishes, screen)
        elif file:
            anyio.run(_say, wishes, screen, file, out)
        else:
            anyio.run(_talk, wishes, screen)
    except NoSoundDevice as error:
        fail(f"{error}; --file sends a recording, --text lets you type", 1)
    except (TalkFailed, CodecError) as error:
        fail(str(error), 1)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", 1)
    except KeyboardInterrupt:
        screen.note("bye")


async def _say(wishes: Wishes, screen: Screen, files: tuple[Path, ...], out: Path | None) -> None:
    recordings = [await to_thread.run_sync(recording, file) for file in files]
    answers = Answers(anyio.current_time)
    async with conversation(wishes, screen, answers, spoken=True) as talking:
        for number, frames in enumerate(recordings, 1):
            await talking.say(frames)
            await talking.answered(number)
        failed = talking.failed
    if out is not None:
        answers.save(out)
        screen.note(f"the answers are in {out}")
    if failed:
        raise TalkFailed("not every turn was answered")


async def _type(wishes: Wishes, screen: Screen) -> None:
    async with conversation(wishes, screen, Answers(anyio.current_time), spoken=False) as talking:
        turns = 0
        while line := await to_thread.run_sync(_read_line, abandon_on_cancel=True):
            if line.strip():
                turns += 1
                await talking.type(line.strip())
                await talking.answered(turns)


def _read_line() -> str:
    if sys.stdin.isatty():
        sys.stdout.write("   you  ")
        sys.stdout.flush()
    return sys.stdin.readline()


async def _talk(wishes: Wishes, screen: Screen) -> None:
    loop = asyncio.get_running_loop()
    send, receive = create_memory_object_stream[bytes](HEARD)

    def heard(pcm: bytes) -> None:  # in the thread of the audio device
        loop.call_soon_threadsafe(_offer, send, pcm)

    headset = Headset(heard)
    try:
        async with conversation(wishes, screen, headset, spoken=True) as talking:
            screen.note("Talk; Ctrl-C ends.")
            async for pcm in receive:
                await talking.append(pcm)
    finally:
        headset.close()


def _offer(send: MemoryObjectSendStream[bytes], pcm: bytes) -> None:
    with suppress(WouldBlock):  # the connection is behind: what is old by then is of no use
        send.send_nowait(pcm)
