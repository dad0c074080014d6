"""What the configuration says of itself."""

import pytest
from troupe.actors.realtime.session_config import Voice, VoiceId, name_of_voice


@pytest.mark.parametrize("voice", ["ash", VoiceId(id="ash")])
def test_a_voice_has_a_name(voice: Voice) -> None:
    assert name_of_voice(voice) == "ash"
