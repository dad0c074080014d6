"""Requests for keys of browsers, and the answers."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.realtime.client_secrets import (
    ClientSecret,
    encode_beta_session,
    encode_client_secret,
    encode_short_answer,
    error_body,
    read_beta_session_request,
    read_client_secret_request,
    read_short_request,
)
from troupe.actors.realtime.errors import ClientMistake
from troupe.actors.realtime.session_config import RealtimeSession, TranscriptionSession

OPENING = RealtimeSession(model="gpt-realtime")


@pytest.mark.parametrize("body", [b"", b"{}"])
def test_nothing_asked_is_the_default(body: bytes) -> None:
    request = read_client_secret_request(body, opening=OPENING)
    assert request.seconds == 600
    assert read_client_secret_request(body, opening=OPENING, seconds=60).seconds == 60
    assert isinstance(request.session, RealtimeSession)
    assert request.session == RealtimeSession(id=request.session.id, model="gpt-realtime")


def test_the_configuration_is_attached() -> None:
    body = {
        "expires_after": {"anchor": "created_at", "seconds": 10},
        "session": {"type": "realtime", "model": "gpt-realtime-mini", "audio": {"output": {"voice": "marin"}}},
    }
    request = read_client_secret_request(msgspec.json.encode(body), opening=OPENING)
    assert request.seconds == 10
    assert isinstance(request.session, RealtimeSession)
    assert (request.session.model, request.session.audio.output.voice) == ("gpt-realtime-mini", "marin")


def test_what_is_not_asked_for_is_as_sessions_begin() -> None:
    opening = RealtimeSession(model="gpt-realtime", instructions="Speak German.")
    for body, read in ((b"", read_client_secret_request), (b"", read_short_request), (b"", read_beta_session_request)):
        session = read(body, opening=opening).session
        assert isinstance(session, RealtimeSession)
        assert session.instructions == "Speak German."
    asked = read_short_request(b'{"instructions":"Be brief."}', opening=opening).session
    assert isinstance(asked, RealtimeSession)
    assert asked.instructions == "Be brief."


def test_a_transcription_session() -> None:
    body = {"session": {"type": "transcription", "audio": {"input": {"transcription": {"model": "whisper-1"}}}}}
    request = read_client_secret_request(msgspec.json.encode(body), opening=OPENING)
    assert isinstance(request.session, TranscriptionSession)
    assert request.session.audio.input.transcription is not None


def test_answer() -> None:
    request = read_client_secret_request(b"", opening=OPENING)
    answer = msgspec.json.decode(encode_client_secret(request, "ek_1", 1756310470))
    assert (answer["value"], answer["expires_at"]) == ("ek_1", 1756310470)
    session = answer["session"]
    assert (session["type"], session["object"], session["expires_at"]) == ("realtime", "realtime.session", 0)
    assert session["id"].startswith("sess_")


def test_a_secret_does_not_show_itself() -> None:
    secret = ClientSecret(value="ek_1", expires_at=1, session=RealtimeSession(model="gpt-realtime"))
    assert "ek_1" not in repr(secret)


def test_beta_session_and_its_answer() -> None:
    body = {"model": "gpt-4o-realtime-preview", "voice": "verse", "modalities": ["text", "audio"]}
    request = read_beta_session_request(msgspec.json.encode(body), opening=OPENING)
    assert request.seconds == 60
    answer = msgspec.json.decode(encode_beta_session(request, "ek_1", 7))
    assert answer["client_secret"] == {"value": "ek_1", "expires_at": 7}
    assert (answer["model"], answer["voice"], answer["temperature"]) == ("gpt-4o-realtime-preview", "verse", 0.8)


@pytest.mark.parametrize("name", ["expires_after", "expires_at"])
def test_beta_transcription_session_and_its_lifetime(name: str) -> None:
    body = {
        "input_audio_transcription": {"model": "whisper-1"},
        "client_secret": {name: {"anchor": "created_at", "seconds": 30}},
    }
    request = read_beta_session_request(msgspec.json.encode(body), "transcription", opening=OPENING)
    assert request.seconds == 30
    answer = msgspec.json.decode(encode_beta_session(request, "ek_1", 7))
    assert answer["object"] == "realtime.transcription_session"
    assert answer["input_audio_transcription"]["model"] == "whisper-1"


def test_the_short_form() -> None:
    body = {"instructions": "Be brief.", "voice": "marin", "language": "de", "seconds": 30}
    request = read_short_request(msgspec.json.encode(body), opening=OPENING)
    assert request.seconds == 30
    assert isinstance(request.session, RealtimeSession)
    assert (request.session.model, request.session.instructions) == ("gpt-realtime", "Be brief.")
    assert request.session.audio.output.voice == "marin"
    assert request.session.audio.input.transcription is not None
    assert request.session.audio.input.transcription.language == "de"
    answer = msgspec.json.decode(encode_short_answer(request, "ek_1", 7))
    assert answer == {"token": "ek_1", "session_id": request.session.id, "expires_at": 7}


def test_the_short_form_asks_for_nothing() -> None:
    request = read_short_request(b"", opening=OPENING, seconds=60)
    assert request.session == RealtimeSession(id=request.session.id, model="gpt-realtime")
    assert request.seconds == 60


@pytest.mark.parametrize(
    ("body", "param"), [(b'{"seconds":9}', "seconds"), (b'{"type":"realtime"}', "type"), (b'{"voice":1}', "voice")]
)
def test_the_short_form_is_checked(body: bytes, param: str) -> None:
    with pytest.raises(ClientMistake) as caught:
        read_short_request(body, opening=OPENING)
    assert caught.value.param == param


REFUSED: list[tuple[bytes, str, str | None]] = [
    (b"{", "invalid_json", None),
    (b"[" * 100_000, "invalid_json", None),
    (b"[]", "invalid_type", None),
    (b'{"expires_after":{"seconds":5}}', "integer_below_min_value", "expires_after.seconds"),
    (b'{"expires_after":{"seconds":7201}}', "integer_above_max_value", "expires_after.seconds"),
    (b'{"session":{}}', "missing_required_parameter", "session.type"),
    (b'{"session":{"type":"realtime","voice":"ash"}}', "unknown_parameter", "session.voice"),
    (b'{"x":1}', "unknown_parameter", "x"),
]


@pytest.mark.parametrize(("body", "code", "param"), REFUSED, ids=lambda value: str(value)[:40])
def test_refused(body: bytes, code: str, param: str | None) -> None:
    with pytest.raises(ClientMistake) as caught:
        read_client_secret_request(body, opening=OPENING)
    assert (caught.value.code, caught.value.param) == (code, param)
    error = msgspec.json.decode(error_body(caught.value))["error"]
    assert set(error) == {"message", "type", "param", "code"}


@pytest.mark.parametrize(
    "body", [{"session": {}}, {"client_secret": {"expires_after": {"seconds": 1}}}, [], {"voice": 1}]
)
def test_refused_in_the_beta(body: Any) -> None:
    with pytest.raises(ClientMistake):
        read_beta_session_request(msgspec.json.encode(body), opening=OPENING)


@given(data=st.data())
def test_any_body_is_survived(data: st.DataObject, plain: st.SearchStrategy[Any]) -> None:
    names = st.sampled_from(["session", "expires_after", "client_secret", "type", "model", "voice", "modalities"])
    body = msgspec.json.encode(data.draw(plain | st.dictionaries(names, plain)))
    for read in (read_client_secret_request, read_beta_session_request, read_short_request):
        with suppress(ClientMistake):
            assert read(body, opening=OPENING).seconds >= 10
