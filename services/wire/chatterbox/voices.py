"""``/v1/voices``: the library of recordings."""

from pathlib import PurePath
from typing import Any, Final

from starlette.datastructures import FormData, UploadFile

from ..answers import Refused
from .refusals import misplaced, refusal

EXTENSIONS: Final = frozenset({".mp3", ".wav", ".flac", ".m4a", ".ogg"})
LARGEST: Final = 10 * 2**20
LANGUAGES: Final = frozenset(
    {
        *("ar", "da", "de", "el", "en", "es", "fi", "fr", "he", "hi", "it", "ja"),
        *("ko", "ms", "nl", "no", "pl", "pt", "ru", "sv", "sw", "tr", "zh"),
    }
)
UPLOADED: Final = "2026-11-21T12:00:00.000000"
_FORBIDDEN: Final = frozenset('/\\:*?"<>|')


class Library:
    """Recordings by name."""

    def __init__(self) -> None:
        self._voices: dict[str, dict[str, Any]] = {}

    def clear(self) -> None:
        """Forget all."""
        self._voices.clear()

    def voice_of(self, asked: str | None) -> str:
        """Return who speaks when a voice is asked for: that of the server, if there is none of that name."""
        return asked if asked in self._voices else ""

    def listed(self) -> list[dict[str, Any]]:
        """Return all there is to say of all, the newest first."""
        return [*reversed(self._voices.values())]

    def get(self, name: str) -> dict[str, Any]:
        """Return what there is to say of one.

        Raises:
            Refused: There is none of that name.
        """
        if name not in self._voices:
            raise Refused(refusal(404, message=f"Voice '{name}' not found"))
        return self._voices[name]

    def delete(self, name: str) -> None:
        """Delete one.

        Raises:
            Refused: There is none of that name.
        """
        self.get(name)
        del self._voices[name]

    async def add(self, form: FormData) -> dict[str, Any]:
        """Add a recording; return what is said of that.

        Raises:
            Refused: The server would not take it.
        """
        name, file, language = form.get("voice_name"), form.get("voice_file"), form.get("language", "en")
        if not isinstance(name, str) or not 1 <= len(name) <= 100:
            raise misplaced("body", "voice_name", "Field required")
        if not isinstance(file, UploadFile):
            raise misplaced("body", "voice_file", "Field required")
        extension = PurePath(file.filename or "").suffix.lower()
        if extension not in EXTENSIONS:
            raise Refused(refusal(400, message=f"Unsupported audio format: {extension}"))
        content = await file.read()
        if len(content) > LARGEST:
            raise Refused(refusal(400, message="File too large. Maximum size: 10MB"))
        if language not in LANGUAGES:
            raise Refused(refusal(400, message=f"Unsupported language: {language}"))
        if _FORBIDDEN & set(name):
            raise Refused(refusal(400, "validation_error", "Voice name contains invalid characters"))
        name = name.strip()
        if name in self._voices:
            raise Refused(refusal(409, message=f"Voice '{name}' already exists"))
        short: dict[str, Any] = {
            "name": name,
            "filename": f"{name}{extension}",
            "file_size": len(content),
            "upload_date": UPLOADED,
            "language": language,
        }
        self._voices[name] = short | {
            "original_filename": file.filename,
            "file_extension": extension,
            "path": f"/voices/{name}{extension}",
            "aliases": [],
            "exists": True,
        }
        return {"message": "Voice uploaded successfully", "voice": short}
