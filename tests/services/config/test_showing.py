"""What is shown of a configuration can be read again, and holds no key."""

from pathlib import Path

from troupe.services.config import read_config
from troupe.services.config.showing import shown

TEXT = """
[server]
api_keys = ["sk-hidden-1", "sk-hidden-2"]
signing_key = "sk-hidden-3"
[server.limits]
max_sessions = 7
[voice]
stt = "whisper"
instructions = "Say \\"hello\\".\\nThen listen. ☺"
voices = { "my voice" = "af_heart" }
[providers."my server"]
base_url = "http://127.0.0.1:1/v1"
api_key = "sk-hidden-4"
headers = { "X-Token" = "sk-hidden-5" }
"""


def test_it_can_be_read_again_and_keys_are_masked(tmp_path: Path) -> None:
    file = tmp_path / "troupe.toml"
    file.write_text(TEXT)
    config, _ = read_config(file)
    text = shown(config)
    assert "sk-hidden" not in text
    file.write_text(text)
    again, _ = read_config(file)
    assert (again.voice, again.server.limits) == (config.voice, config.server.limits)
    assert len(again.server.api_keys) == 2
    assert again.providers.keys() == config.providers.keys()
    assert shown(again) == text
