"""``GET /v1/models``: which there are."""

import uuid
from typing import Any, Final

STT: Final = (
    *("nova-3", "nova-3-general", "nova-3-medical", "nova-2", "nova-2-general", "nova-2-phonecall"),
    *("nova", "enhanced", "base", "base-general"),
)
TTS: Final = {
    "aura-asteria-en": ("asteria", "en", "feminine"),
    "aura-2-thalia-en": ("thalia", "en", "feminine"),
    "aura-2-apollo-en": ("apollo", "en", "masculine"),
    "aura-2-celeste-es": ("celeste", "es", "feminine"),
}
"""Name, language, and what Deepgram says of the voice."""
VERSION: Final = "2026-06-01.0"


def uuid_of(model: str) -> str:
    """Return the model's id, always the same."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, model))


def model_info(model: str) -> dict[str, str]:
    """Return what answers say of the model."""
    return {"name": model, "version": VERSION, "arch": model.partition("-general")[0]}


def listed() -> dict[str, Any]:
    """Return the list of all."""
    stt: list[dict[str, Any]] = [
        {
            "name": name.partition("-")[2] or name,
            "canonical_name": name,
            "architecture": name.partition("-general")[0],
            "languages": ["en", "de", "multi"] if name.startswith("nova-3") else ["en"],
            "version": VERSION,
            "uuid": uuid_of(name),
            "batch": True,
            "streaming": True,
            "formatted_output": True,
        }
        for name in STT
    ]
    tts: list[dict[str, Any]] = [
        {
            "name": name,
            "canonical_name": model,
            "architecture": model.rpartition("-" + name)[0],
            "languages": [language],
            "version": VERSION,
            "uuid": uuid_of(model),
            "metadata": {
                "accent": "American",
                "age": "Adult",
                "color": "#F5C181",
                "image": "",
                "sample": "",
                "tags": [gender],
                "use_cases": ["Casual chat"],
            },
        }
        for model, (name, language, gender) in TTS.items()
    ]
    return {"stt": stt, "tts": tts}
