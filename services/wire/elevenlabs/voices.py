"""The voices of an account, those made from recordings included, and the models."""

from typing import Any, Final

from ..answers import Refused
from .refusals import refusal

VOICES: Final = {
    "JBFqnCBsd6RMkjVDRZzb": ("George", "male", "en", "en-GB"),
    "21m00Tcm4TlvDq8ikWAM": ("Rachel", "female", "en", "en-US"),
    "EXAVITQu4vr4xnSDxMaL": ("Sarah", "female", "en", "en-US"),
}
"""Name, gender, language and locale by id."""
MODELS: Final = {
    "eleven_v3": ("Eleven v3", 3000),
    "eleven_multilingual_v2": ("Eleven Multilingual v2", 10_000),
    "eleven_flash_v2_5": ("Eleven Flash v2.5", 40_000),
    "eleven_turbo_v2_5": ("Eleven Turbo v2.5", 40_000),
}
"""Name, and characters of one text."""
MOST_OWN: Final = 10
"""Voices that may be made from recordings."""
NOT_ON_SOCKETS: Final = frozenset({"eleven_v3"})


class Library:
    """The voices of an account: those of ElevenLabs, and its own, which are made from recordings."""

    def __init__(self) -> None:
        self._voices = dict(VOICES)
        self._own = 0

    def clear(self) -> None:
        """Forget those of its own."""
        self._voices = dict(VOICES)
        self._own = 0

    def __contains__(self, key: str) -> bool:
        return key in self._voices

    def add(self, name: str, labels: dict[str, str]) -> str:
        """Add one of its own; return its id.

        Raises:
            Refused: The plan allows no more.
        """
        if self._own == MOST_OWN:
            raise Refused(refusal(400, "voice_limit_reached", "You have reached your maximum amount of voices."))
        self._own += 1
        key = f"wireVoice{self._own:011}"
        language = labels.get("language", "en")
        self._voices[key] = (name, labels.get("gender", ""), language, language)
        return key

    def delete(self, key: str) -> None:
        """Delete one of its own.

        Raises:
            Refused: There is none.
        """
        if key not in self._voices or key in VOICES:
            raise Refused(refusal(400, "voice_does_not_exist", "A voice with this voice_id does not exist."))
        del self._voices[key]
        self._own -= 1

    def page(self, start: int, size: int) -> dict[str, Any]:
        """Return a page of voices; its token is where the next one starts."""
        shown = list(self._voices.items())[start : start + size]
        end = start + len(shown)
        more = end < len(self._voices)
        return {
            "voices": [_voice(key, *known) for key, known in shown],
            "has_more": more,
            "total_count": len(self._voices),
            "next_page_token": str(end) if more else None,
        }


def _voice(key: str, name: str, gender: str, language: str, locale: str) -> dict[str, Any]:
    return {
        "voice_id": key,
        "name": name,
        "category": "premade" if key in VOICES else "cloned",
        "labels": {"gender": gender, "language": language, "age": "middle_aged"},
        "description": "",
        "preview_url": None,
        "available_for_tiers": [],
        "high_quality_base_model_ids": ["eleven_multilingual_v2"],
        "verified_languages": [
            {
                "language": language,
                "model_id": "eleven_flash_v2_5",
                "accent": None,
                "locale": locale,
                "preview_url": None,
            }
        ],
        "is_owner": key not in VOICES,
        "created_at_unix": None,
    }


def listed_models() -> list[dict[str, Any]]:
    """Return the models."""
    return [
        {
            "model_id": key,
            "name": name,
            "can_be_finetuned": False,
            "can_do_text_to_speech": True,
            "can_do_voice_conversion": False,
            "can_use_style": True,
            "can_use_speaker_boost": True,
            "serves_pro_voices": False,
            "token_cost_factor": 1.0,
            "description": name,
            "requires_alpha_access": False,
            "max_characters_request_free_user": longest,
            "max_characters_request_subscribed_user": longest,
            "maximum_text_length_per_request": longest,
            "languages": [{"language_id": "en", "name": "English"}, {"language_id": "de", "name": "German"}],
            "model_rates": {"character_cost_multiplier": 1.0},
            "concurrency_group": "standard",
        }
        for key, (name, longest) in MODELS.items()
    ]
