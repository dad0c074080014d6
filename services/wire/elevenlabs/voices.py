"""``GET /v2/voices`` and ``GET /v1/models``: which there are."""

from typing import Any, Final

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
NOT_ON_SOCKETS: Final = frozenset({"eleven_v3"})


def listed_voices(start: int, size: int) -> dict[str, Any]:
    """Return a page of voices; its token is where the next one starts."""
    shown = list(VOICES.items())[start : start + size]
    end = start + len(shown)
    more = end < len(VOICES)
    return {
        "voices": [_voice(key, *known) for key, known in shown],
        "has_more": more,
        "total_count": len(VOICES),
        "next_page_token": str(end) if more else None,
    }


def _voice(key: str, name: str, gender: str, language: str, locale: str) -> dict[str, Any]:
    return {
        "voice_id": key,
        "name": name,
        "category": "premade",
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
        "is_owner": False,
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
