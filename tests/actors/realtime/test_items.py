"""Items without their audio, and without all that is large."""

from troupe.actors.realtime.items import (
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Message,
    OutputAudio,
    without_audio,
    without_media,
)

ITEM = Message(
    id="item_1",
    role="user",
    content=(InputText(text="a"), InputAudio(audio=b"\0\1", transcript="b"), InputImage(image_url="data:x")),
)


def test_without_audio() -> None:
    expected = (InputText(text="a"), InputAudio(transcript="b"), InputImage(image_url="data:x"))
    assert without_audio(ITEM) == Message(id="item_1", role="user", content=expected)
    spoken = Message(role="assistant", content=(OutputAudio(audio=b"\0\1", transcript="c"),))
    assert without_audio(spoken).content == (OutputAudio(transcript="c"),)  # type: ignore[union-attr]


def test_without_media() -> None:
    expected = (InputText(text="a"), InputAudio(transcript="b"), InputImage(image_url=""))
    assert without_media(ITEM) == Message(id="item_1", role="user", content=expected)


def test_what_has_no_media_stays() -> None:
    output = FunctionCallOutput(call_id="call_1", output="1")
    assert without_audio(output) is output
    assert without_media(output) is output
