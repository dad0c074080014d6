import pytest
from troupe.services.shipped.serving.settings import read_settings
from troupe.services.shipped.whisper.settings import Settings


def test_fields_are_variables() -> None:
    environ = {"WHISPER_AT_ONCE": "2", "WHISPER_DEVICES": "0, 1", "WHISPER_OFFLINE": "true", "WHISPER_MODEL": ""}
    settings = read_settings(Settings, "WHISPER", environ)
    assert (settings.at_once, settings.devices, settings.offline) == (2, (0, 1), True)
    assert settings.model == Settings().model


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [("AT_ONCE", "0", ">= 1"), ("PORT", "http", "int"), ("OFFLINE", "maybe", "bool"), ("DEVICES", "0,a", "int")],
)
def test_a_wrong_value_names_its_variable(name: str, text: str, why: str) -> None:
    with pytest.raises(SystemExit, match=f"WHISPER_{name}.*{why}"):
        read_settings(Settings, "WHISPER", {f"WHISPER_{name}": text})
