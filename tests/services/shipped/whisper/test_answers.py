import json

import pytest
from troupe.services.shipped.whisper.answers import ResponseFormat, Written, written
from troupe.services.shipped.whisper.engine import HeardWord, Segment

HELLO = Segment(text=" Hello.", start=0.0, end=0.5, words=(HeardWord(" Hello.", 0.1, 0.5),), tokens=[7])
LATER = Segment(text=" Much later.", start=3599.9996, end=3661.25)
TRANSCRIPT = Written(language="de", seconds=3700.004, segments=(HELLO, LATER))


@pytest.mark.parametrize(
    ("form", "body"),
    [
        ("json", '{"text":"Hello. Much later.","usage":{"type":"duration","seconds":3700.0}}'),
        ("text", "Hello. Much later.\n"),
        (
            "srt",
            "1\n00:00:00,000 --> 00:00:00,500\nHello.\n\n2\n01:00:00,000 --> 01:01:01,250\nMuch later.\n\n",
        ),
        (
            "vtt",
            "WEBVTT\n\n00:00:00.000 --> 00:00:00.500\nHello.\n\n01:00:00.000 --> 01:01:01.250\nMuch later.\n\n",
        ),
    ],
)
def test_formats(form: ResponseFormat, body: str) -> None:
    assert written(TRANSCRIPT, form, frozenset()).decode() == body


def test_the_verbose_format_has_what_was_asked_for() -> None:
    both = json.loads(written(TRANSCRIPT, "verbose_json", frozenset({"word", "segment"})))
    assert (both["task"], both["language"], both["duration"]) == ("transcribe", "german", 3700.0)
    assert both["words"] == [{"word": "Hello.", "start": 0.1, "end": 0.5}]
    assert [(each["id"], each["text"], each["tokens"]) for each in both["segments"]] == [
        (0, " Hello.", [7]),
        (1, " Much later.", []),
    ]
    words = json.loads(written(TRANSCRIPT, "verbose_json", frozenset({"word"})))
    assert "segments" not in words
    assert "words" in words


def test_a_translation_says_that_it_is_one() -> None:
    translation = Written(language="xx", seconds=1.0, segments=(HELLO,), translated=True)
    assert json.loads(written(translation, "verbose_json", frozenset())) == {
        "task": "translate",
        "language": "xx",
        "duration": 1.0,
        "text": "Hello.",
    }
