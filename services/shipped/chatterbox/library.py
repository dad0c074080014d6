"""The voices: recordings in a folder, which may be a volume that outlives the container."""

import os
import re
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO, Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from ..serving.audio import decode, s16le, wav_header
from ..serving.refusals import Refused
from .engine import Engine
from .settings import Settings

RATE: Final = 24_000
"""At which recordings are kept, in Hz; the model's own."""
NAME: Final = re.compile(r"[\w][\w .'-]{0,63}")
DEFAULT: Final = frozenset(
    (
        *("default", "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable"),
        *("marin", "nova", "onyx", "sage", "shimmer", "verse"),
    )
)
"""Names of the engine's own voice: clients of OpenAI's API insist on one of these."""


class KeptVoice(Struct, frozen=True, kw_only=True):
    """What is known of a voice; it stands in a file beside the recording."""

    name: str
    filename: str
    """Of the recording. No recording ever takes the place of another one."""
    language: str
    upload_date: str
    """ISO 8601, in UTC."""
    file_size: int

    def shown(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {**msgspec.structs.asdict(self), "aliases": [], "exists": True}


class Library:
    """The voices of a server. It reads and writes files: call it in a thread."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._folder = Path(settings.voices)
        self._settings = settings
        self._engine = engine
        self._voices: dict[str, KeptVoice] = {}
        for path in sorted(self._folder.glob("*.json")):
            voice = msgspec.json.decode(path.read_bytes(), type=KeptVoice)
            if (self._folder / voice.filename).is_file():
                self._voices[voice.name] = voice

    def listed(self) -> list[KeptVoice]:
        """Return all voices, in the order of their names."""
        return [self._voices[name] for name in sorted(self._voices)]

    def get(self, name: str) -> KeptVoice:
        """Return a voice.

        Raises:
            Refused: There is none of that name (404).
        """
        if name not in self._voices:
            raise Refused(404, "There is no voice of that name; GET /v1/voices has those there are.", param="voice")
        return self._voices[name]

    def path(self, voice: KeptVoice) -> Path:
        """Return where the recording is."""
        return self._folder / voice.filename

    def add(self, name: str, language: str, file: BinaryIO) -> KeptVoice:
        """Keep a recording.

        Raises:
            Refused: There is such a voice (409), the name or the language can't be (400), or the recording can't be
                used (400, 413).
        """
        if not NAME.fullmatch(name) or name.lower() in DEFAULT:
            rule = "A name has 1 to 64 letters, digits, spaces and . ' - _, and is none of OpenAI's voices."
            raise Refused(400, rule, param="voice_name", code="invalid_value")
        self.check_language(language)
        if name in self._voices:
            raise Refused(409, "There is a voice of that name; delete it first.", param="voice_name")
        if len(self._voices) >= self._settings.most_voices:
            raise Refused(400, f"There are {self._settings.most_voices} voices, as many as may be; delete one.")
        data = self._read(file)
        stem = token_hex(8)
        voice = KeptVoice(
            name=name,
            filename=f"{stem}.wav",
            language=language,
            upload_date=datetime.now(UTC).isoformat(),
            file_size=len(data),
        )
        _write(self.path(voice), data)
        _write(self._folder / f"{stem}.json", msgspec.json.encode(voice))  # last: now it is there
        self._voices[name] = voice
        return voice

    def delete(self, name: str) -> None:
        """Forget a voice; who speaks in it now goes on.

        Raises:
            Refused: There is none of that name (404).
        """
        path = self.path(self.get(name))
        del self._voices[name]
        path.with_suffix(".json").unlink(missing_ok=True)
        path.unlink(missing_ok=True)

    @contextmanager
    def borrowed(self, file: BinaryIO) -> Generator[Path]:
        """Keep a recording for as long as the block lasts.

        Raises:
            Refused: It can't be used (400, 413).
        """
        with tempfile.NamedTemporaryFile(suffix=".wav") as kept:
            kept.write(self._read(file))
            kept.flush()
            yield Path(kept.name)

    def check_language(self, language: str) -> None:
        """Raise `Refused` unless the engine speaks a language."""
        if language not in self._engine.languages:
            known = ", ".join(sorted(self._engine.languages))
            raise Refused(400, f"The model speaks {known}.", param="language", code="invalid_value")

    def _read(self, file: BinaryIO) -> bytes:
        samples: NDArray[np.float32] = decode(file, RATE, self._settings.longest_reference)
        least = self._engine.shortest_reference
        if len(samples) < least * RATE:
            raise Refused(400, f"The recording is shorter than {least:g} s.", param="voice_file")
        pcm = s16le(samples)
        return wav_header(RATE, len(pcm)) + pcm


def _write(path: Path, data: bytes) -> None:
    """Write a file, which is there as a whole or not at all."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
