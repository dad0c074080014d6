"""What a model does, by its name alone."""

import pytest
from troupe.services.config import Config, ConfigError
from troupe.services.kinds.kind import Work
from troupe.services.kinds.openai import Table
from troupe.services.models.naming import work_of

CONFIG = Config(providers={"mine": Table(base_url="http://127.0.0.1:9/v1")})


@pytest.mark.parametrize(
    ("names", "work"),
    [
        (["pocketsphinx"], "stt"),
        (["demonstration"], "llm"),
        (["kokoro", "openai"], "tts"),
        (["anthropic/claude-sonnet"], "llm"),
        (["openai/gpt-4o-mini"], "llm"),
        (["openai/text-embedding-3-small"], "embedding"),
        (["elevenlabs/eleven_flash_v2_5"], "tts"),
        (["mine/whisper-1", "x"], None),
        (["elevenlabs"], None),
        (["cheapest:text-to-image"], "image"),
        (["fastest:word-timestamps?region=eu"], "stt"),
        (["nobody"], None),
        ([], None),
    ],
)
def test_what_the_first_name_says(names: list[str], work: Work | None) -> None:
    if work is None:
        with pytest.raises(ConfigError):
            work_of(names, CONFIG)
    else:
        assert work_of(names, CONFIG) == work
