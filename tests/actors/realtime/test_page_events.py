"""Frames of the side channel: told apart from those of the protocol, read strictly, written as documented."""

import re
from pathlib import Path

import msgspec
import pytest
from troupe.actors.realtime.errors import ClientMistake
from troupe.actors.realtime.names import name_of
from troupe.actors.realtime.page_events import (
    LONGEST,
    BrowserReady,
    FromPage,
    HearingResult,
    SpeechSay,
    ToPage,
    decode_page_event,
    encode_page_event,
    is_page_event,
)

PAGE = (Path(__file__).parents[3] / "docs" / "playground.md").read_text()


@pytest.mark.parametrize(
    ("frame", "ours"),
    [
        ('{"type":"troupe.browser.ready"}', True),
        ('\n{ "type" : "troupe.nonsense", "call": 1}', True),
        ('{"type":"input_audio_buffer.append","audio":"troupe."}', False),
        ('{"event_id":"troupe.","type":"response.create"}', False),
        ('{"type":"response.create","type":"troupe.browser.ready"}', False),
        ("", False),
        ("troupe.", False),
    ],
)
def test_the_first_member_tells_whose_frame_it_is(frame: str, ours: bool) -> None:
    assert is_page_event(frame) is ours


def test_events_are_read_and_members_that_nobody_knows_ignored() -> None:
    assert decode_page_event('{"type":"troupe.browser.ready","hears":true,"new":1}') == BrowserReady(hears=True)
    told = decode_page_event('{"type":"troupe.hearing.result","call":3,"transcript":"hä","confidence":0.5}')
    assert told == HearingResult(call=3, transcript="hä", confidence=0.5)


@pytest.mark.parametrize(
    ("members", "param"),
    [
        ({"call": -1, "transcript": ""}, "call"),
        ({"call": 1, "transcript": "a" * (LONGEST + 1)}, "transcript"),
        ({"call": 1, "transcript": "", "confidence": 1.5}, "confidence"),
        ({"call": 1}, "transcript"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_name(members: dict[str, object], param: str) -> None:
    with pytest.raises(ClientMistake) as refused:
        decode_page_event(msgspec.json.encode({"type": "troupe.hearing.result", **members}).decode())
    assert refused.value.param == param


def test_events_to_the_page_have_their_name_first() -> None:
    say = SpeechSay(call=1, piece=0, text="Hi.", voice="", speed=1.0, language=None)
    assert encode_page_event(say).startswith(b'{"type":"troupe.speech.say","call":1,')


def test_every_event_is_documented() -> None:
    named = set(re.findall(r"`(troupe\.[a-z]+\.[a-z]+)`", PAGE))
    assert named == {name_of(each) for each in (*FromPage.__args__, *ToPage.__args__)}
