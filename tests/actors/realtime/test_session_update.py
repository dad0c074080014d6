"""What an update changes, what it leaves, and what it must not touch."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.actors.realtime.beta import session_from_ga
from troupe.actors.realtime.errors import ClientMistake
from troupe.actors.realtime.limits import MAX_FRAME_OUT
from troupe.actors.realtime.names import Dialect
from troupe.actors.realtime.session_config import (
    Pcma,
    Pcmu,
    RealtimeSession,
    SemanticVad,
    ServerVad,
    Transcription,
    TranscriptionServerVad,
    TranscriptionSession,
    VoiceId,
)
from troupe.actors.realtime.session_update import difference, updated
from troupe.actors.realtime.tools import FunctionChoice, FunctionTool

Strategies = Callable[..., st.SearchStrategy[Any]]
GA, BETA = Dialect.GA, Dialect.BETA
SESSION = RealtimeSession(id="sess_1", model="gpt-realtime", expires_at=1)


def realtime(patch: dict[str, Any], session: RealtimeSession = SESSION, **options: Any) -> RealtimeSession:
    result = updated(session, {"type": "realtime", **patch}, GA, **options)
    assert isinstance(result, RealtimeSession)
    return result


def beta(patch: dict[str, Any], session: RealtimeSession = SESSION) -> RealtimeSession:
    result = updated(session, patch, BETA)
    assert isinstance(result, RealtimeSession)
    return result


def refused(session: Any, patch: dict[str, Any], dialect: Dialect = GA, **options: Any) -> ClientMistake:
    with pytest.raises(ClientMistake) as caught:
        updated(session, patch, dialect, **options)
    return caught.value


# What changes and what stays.


def test_an_empty_update_changes_nothing() -> None:
    assert realtime({}) == SESSION
    assert beta({}) == SESSION


def test_given_members_replace_and_absent_ones_stay() -> None:
    session = realtime({"instructions": "Be brief.", "audio": {"output": {"voice": "marin"}}})
    session = realtime({"audio": {"output": {"speed": 1.25}}}, session)
    assert session.instructions == "Be brief."
    assert session.audio.output.voice == "marin"
    assert session.audio.output.speed == 1.25
    assert session.audio.input == SESSION.audio.input


def test_turn_detection_merges_within_its_type() -> None:
    session = realtime({"audio": {"input": {"turn_detection": {"type": "server_vad", "silence_duration_ms": 700}}}})
    session = realtime({"audio": {"input": {"turn_detection": {"threshold": 0.7}}}}, session)
    assert session.audio.input.turn_detection == ServerVad(silence_duration_ms=700, threshold=0.7)


def test_another_type_starts_from_its_defaults() -> None:
    changed = {"turn_detection": {"type": "server_vad", "create_response": False}}
    session = realtime({"audio": {"input": changed}})
    session = realtime({"audio": {"input": {"turn_detection": {"type": "semantic_vad"}}}}, session)
    assert session.audio.input.turn_detection == SemanticVad()
    session = realtime({"audio": {"input": {"format": {"type": "audio/pcmu"}}}}, session)
    assert session.audio.input.format == Pcmu()


def test_null_clears() -> None:
    transcription = {"transcription": {"model": "whisper-1"}, "noise_reduction": {"type": "near_field"}}
    session = realtime({"audio": {"input": transcription}, "tracing": "auto", "prompt": {"id": "pmpt_1"}})
    assert session.audio.input.transcription == Transcription(model="whisper-1")
    cleared = dict.fromkeys(("turn_detection", "transcription", "noise_reduction"))
    session = realtime({"audio": {"input": cleared}, "tracing": None, "prompt": None}, session)
    audio = session.audio.input
    assert (audio.turn_detection, audio.transcription, audio.noise_reduction) == (None, None, None)
    assert (session.tracing, session.prompt) == (None, None)


def test_transcription_merges() -> None:
    session = realtime({"audio": {"input": {"transcription": {"model": "whisper-1"}}}})
    session = realtime({"audio": {"input": {"transcription": {"language": "de"}}}}, session)
    assert session.audio.input.transcription == Transcription(model="whisper-1", language="de")


def test_tools_and_the_choice_are_replaced_as_a_whole() -> None:
    tool = {"type": "function", "name": "f", "description": "d", "parameters": {"type": "object", "default": None}}
    session = realtime({"tools": [tool], "tool_choice": {"type": "function", "name": "f"}})
    assert session.tools == (FunctionTool(name="f", description="d", parameters={"type": "object", "default": None}),)
    assert session.tool_choice == FunctionChoice(name="f")
    assert realtime({"tools": [{"type": "function", "name": "g"}]}, session).tools == (FunctionTool(name="g"),)
    assert realtime({"tools": [], "tool_choice": "required"}, session).tools == ()


def test_what_the_server_sets_stays_though_clients_echo_it() -> None:
    echoed = msgspec.to_builtins(RealtimeSession(model="another", expires_at=99))
    assert realtime(echoed) == SESSION


@pytest.mark.parametrize("rate", [{"rate": 24000}, {}])
def test_pcm_is_echoed_with_its_rate(rate: dict[str, int]) -> None:
    session = realtime({"audio": {"output": {"format": {"type": "audio/pcm", **rate}}}})
    assert msgspec.to_builtins(session)["audio"]["output"]["format"] == {"type": "audio/pcm", "rate": 24000}


def test_everything_else_is_accepted_and_echoed() -> None:
    patch: dict[str, Any] = {
        "output_modalities": ["text"],
        "max_output_tokens": 4096,
        "truncation": {"type": "retention_ratio", "retention_ratio": 0.8, "token_limits": {"post_instructions": 1}},
        "tracing": {"workflow_name": "w", "group_id": "g", "metadata": {"a": [1]}},
        "prompt": {"id": "pmpt_1", "version": "2", "variables": {"city": "Paris"}},
        "include": ["item.input_audio_transcription.logprobs"],
        "parallel_tool_calls": False,
        "reasoning": {"effort": "low"},
        "tools": [
            {"type": "mcp", "server_label": "s", "server_url": "https://mcp.example", "require_approval": "never"},
            {"type": "mcp", "server_label": "t", "allowed_tools": ["a"], "require_approval": {"always": {}}},
        ],
        "tool_choice": {"type": "mcp", "server_label": "s"},
        "audio": {"output": {"voice": {"id": "voice_1"}}},
    }
    echoed = msgspec.json.decode(msgspec.json.encode(realtime(patch)))
    assert echoed["audio"]["output"].pop("voice") == patch.pop("audio")["output"]["voice"]
    assert {name: echoed[name] for name in patch} == patch


# The voice.


def test_the_voice_is_fixed_once_it_was_heard() -> None:
    found = refused(SESSION, {"type": "realtime", "audio": {"output": {"voice": "ash"}}}, voice_is_used=True)
    assert (found.code, found.param) == ("cannot_update_voice", None)
    assert found.message == "Cannot update a conversation's voice if assistant audio is present."
    same = {"audio": {"output": {"voice": "alloy", "speed": 1.5}}}
    assert realtime(same, voice_is_used=True).audio.output.speed == 1.5


# What is refused; R marks texts of recordings or reports of the live service.

REFUSED: list[tuple[dict[str, Any], str, str | None, str]] = [
    ({}, "missing_required_parameter", "session.type", "Missing required parameter: 'session.type'."),  # R
    (
        {"type": "translation"},
        "invalid_value",
        "session.type",
        "Invalid value: 'translation'. Supported values are: 'realtime' and 'transcription'.",
    ),
    ({"type": 1}, "invalid_type", "session.type", "Invalid type for 'session.type': expected a string, but got an "),
    (
        {"type": "transcription"},
        "invalid_parameter",
        None,
        "Passing a transcription session update event to a realtime session is not allowed.",  # R
    ),
    ({"type": "realtime", "x": 1}, "unknown_parameter", "session.x", "Unknown parameter: 'session.x'."),  # R
    (
        {"type": "realtime", "temperature": 0.8},
        "unknown_parameter",
        "session.temperature",
        "Unknown parameter: 'session.temperature'.",
    ),
    (
        {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 16000}}}},
        "integer_below_min_value",
        "session.audio.input.format.rate",
        "Invalid 'session.audio.input.format.rate': integer below minimum value. Expected a value >= 24000, ",  # R
    ),
    (
        {"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 48000}}}},
        "integer_above_max_value",
        "session.audio.input.format.rate",
        "Invalid 'session.audio.input.format.rate': integer above maximum value. Expected a value <= 24000, but got ",
    ),
    (
        {"type": "realtime", "audio": {"input": {"format": "pcm16"}}},
        "invalid_type",
        "session.audio.input.format",
        "Invalid type for 'session.audio.input.format': expected an object, but got a string instead.",  # R
    ),
    (
        {"type": "realtime", "audio": {"input": {"turn_detection": {"type": "none"}}}},
        "invalid_value",
        "session.audio.input.turn_detection.type",
        "Invalid value: 'none'. Supported values are: 'server_vad' and 'semantic_vad'.",
    ),
    (
        {"type": "realtime", "audio": {"input": {"turn_detection": {"threshold": 2}}}},
        "decimal_above_max_value",
        "session.audio.input.turn_detection.threshold",
        "Invalid 'session.audio.input.turn_detection.threshold': decimal above maximum value. Expected a value <= 1, ",
    ),
    (
        {"type": "realtime", "audio": {"input": {"turn_detection": {"eagerness": "low"}}}},
        "unknown_parameter",
        "session.audio.input.turn_detection.eagerness",
        "Unknown parameter: 'session.audio.input.turn_detection.eagerness'.",
    ),
    (
        {"type": "realtime", "output_modalities": ["audio", "text"]},
        "invalid_value",
        "session.output_modalities",
        "Invalid modalities: ['audio', 'text']. Supported combinations are: ['text'] and ['audio'].",  # R
    ),
    (
        {"type": "realtime", "audio": {"output": {"speed": 2}}},
        "decimal_above_max_value",
        "session.audio.output.speed",
        "Invalid 'session.audio.output.speed': decimal above maximum value. Expected a value <= 1.5, but got 2 ",
    ),
    (
        {"type": "realtime", "max_output_tokens": "many"},
        "invalid_value",
        "session.max_output_tokens",
        "Invalid value: 'many'. Supported values are: 'inf'.",
    ),
    (
        {"type": "realtime", "tools": [{}, {"type": "function", "name": "f"}]},
        "missing_required_parameter",
        "session.tools[0].type",
        "Missing required parameter: 'session.tools[0].type'.",
    ),
    (
        {"type": "realtime", "tools": [{"type": "function", "function": {"name": "f"}}]},
        "missing_required_parameter",
        "session.tools[0].name",
        "Missing required parameter: 'session.tools[0].name'.",
    ),
    (
        {"type": "realtime", "instructions": None},
        "invalid_type",
        "session.instructions",
        "Invalid type for 'session.instructions': expected a string, but got null instead.",
    ),
    (
        {"type": "realtime", "audio": []},
        "invalid_type",
        "session.audio",
        "Invalid type for 'session.audio': expected an object, but got an array instead.",
    ),
    ({"type": "realtime", "instructions": "x" * 2**20}, "string_above_max_length", "session", "Invalid 'session': "),
]


@pytest.mark.parametrize(("patch", "code", "param", "message"), REFUSED, ids=lambda value: str(value)[:40])
def test_refused(patch: dict[str, Any], code: str, param: str | None, message: str) -> None:
    found = refused(SESSION, patch)
    assert (found.code, found.param) == (code, param)
    assert found.message.startswith(message)


def test_what_cannot_be_echoed_in_one_frame_is_refused_also_in_parts() -> None:
    half = "x" * (MAX_FRAME_OUT // 2)
    session = realtime({"instructions": half})
    tool = {"type": "function", "name": "f", "parameters": {"description": half}}
    assert refused(session, {"type": "realtime", "tools": [tool]}).code == "string_above_max_length"


# Transcription.


def test_transcription_session_is_updated() -> None:
    patch = {
        "type": "transcription",
        "audio": {
            "input": {
                "format": {"type": "audio/pcm", "rate": 24000},
                "transcription": {"model": "gpt-4o-mini-transcribe"},
                "turn_detection": {"type": "server_vad"},
            }
        },
        "include": ["item.input_audio_transcription.logprobs"],
    }
    session = updated(TranscriptionSession(), patch, GA)
    assert isinstance(session, TranscriptionSession)
    assert session.audio.input.turn_detection == TranscriptionServerVad()
    assert msgspec.to_builtins(session)["audio"]["input"]["transcription"] == {
        "model": "gpt-4o-mini-transcribe",
        "language": None,
        "prompt": None,
    }


def test_transcription_session_has_no_voice_and_is_no_conversation() -> None:
    session = TranscriptionSession()
    found = refused(session, {"type": "transcription", "audio": {"output": {"voice": "ash"}}})
    assert (found.code, found.param) == ("unknown_parameter", "session.audio.output")
    found = refused(session, {"type": "realtime"})
    assert found.code == "invalid_parameter"
    assert found.message == "Passing a realtime session update event to a transcription session is not allowed."


# The beta.


def test_beta_members_find_their_places() -> None:
    session = beta(
        {
            "modalities": ["text"],
            "voice": "ash",
            "speed": 1.1,
            "input_audio_format": "g711_ulaw",
            "output_audio_format": "g711_alaw",
            "input_audio_transcription": {"model": "whisper-1"},
            "input_audio_noise_reduction": {"type": "far_field"},
            "turn_detection": None,
            "temperature": 0.6,
            "max_response_output_tokens": 12,
            "tools": [{"type": "function", "name": "f"}],
            "client_secret": {"expires_after": {"anchor": "created_at", "seconds": 60}},
        }
    )
    audio = session.audio
    assert (audio.input.format, audio.output.format) == (Pcmu(), Pcma())
    assert (audio.output.voice, audio.output.speed) == ("ash", 1.1)
    assert audio.input.transcription == Transcription(model="whisper-1")
    assert audio.input.turn_detection is None
    assert (session.output_modalities, session.temperature, session.max_output_tokens) == (("text",), 0.6, 12)


BETA_REFUSED: list[tuple[dict[str, Any], str, str, str]] = [
    (
        {"input_audio_transcription": {"enabled": True}},
        "unknown_parameter",
        "session.input_audio_transcription.enabled",
        "Unknown parameter: 'session.input_audio_transcription.enabled'.",  # R
    ),
    (
        {"custom_voice_id": "x"},
        "unknown_parameter",
        "session.custom_voice_id",
        "Unknown parameter: 'session.custom_voice_id'.",  # R
    ),
    ({"audio": {}}, "unknown_parameter", "session.audio", "Unknown parameter: 'session.audio'."),
    (
        {"turn_detection": {"threshold": "x"}},
        "invalid_type",
        "session.turn_detection.threshold",
        "Invalid type for 'session.turn_detection.threshold': expected a decimal, but got a string instead.",
    ),
    (
        {"input_audio_format": {"type": "audio/pcm"}},
        "invalid_type",
        "session.input_audio_format",
        "Invalid type for 'session.input_audio_format': expected a string, but got an object instead.",
    ),
    (
        {"modalities": ["audio"]},
        "invalid_value",
        "session.modalities",
        "Invalid modalities: ['audio']. Supported combinations are: ['text'] and ['audio', 'text'].",  # R
    ),
    (
        {"modalities": "text"},
        "invalid_type",
        "session.modalities",
        "Invalid type for 'session.modalities': expected an array of strings, but got a string instead.",
    ),
    (
        {"temperature": 0.1},
        "decimal_below_min_value",
        "session.temperature",
        "Invalid 'session.temperature': decimal below minimum value. Expected a value >= 0.6, but got 0.1 instead.",
    ),
]


@pytest.mark.parametrize(("patch", "code", "param", "message"), BETA_REFUSED, ids=lambda value: str(value)[:40])
def test_refused_in_the_words_of_the_beta(patch: dict[str, Any], code: str, param: str, message: str) -> None:
    found = refused(SESSION, patch, BETA)
    assert (found.code, found.param) == (code, param)
    assert found.message.startswith(message)


# Laws.


def kept(session: RealtimeSession) -> RealtimeSession:
    return msgspec.structs.replace(session, id="sess_1", model="gpt-realtime", expires_at=1)


@given(data=st.data())
def test_the_echo_of_a_session_is_an_update_to_that_session(data: st.DataObject, json_of: Strategies) -> None:
    drawn = data.draw(json_of(RealtimeSession, leave_out=frozenset({"temperature"})))
    session = kept(msgspec.convert(drawn, RealtimeSession))
    echo = msgspec.json.decode(msgspec.json.encode(session))
    assert updated(SESSION, echo, GA) == session


@given(data=st.data())
def test_the_same_in_the_beta(data: st.DataObject, json_of: Strategies) -> None:
    newer = frozenset({"parallel_tool_calls", "reasoning"})
    session = kept(msgspec.convert(data.draw(json_of(RealtimeSession, leave_out=newer)), RealtimeSession))
    voice = session.audio.output.voice
    name = voice.id if isinstance(voice, VoiceId) else voice  # the beta knows names only
    output = msgspec.structs.replace(session.audio.output, voice=name)
    session = msgspec.structs.replace(session, audio=msgspec.structs.replace(session.audio, output=output))
    echo = msgspec.json.decode(msgspec.json.encode(session_from_ga(session)))
    assert updated(SESSION, echo, BETA) == session


@given(data=st.data())
def test_an_update_twice_is_as_good_as_once(data: st.DataObject, json_of: Strategies) -> None:
    whole = data.draw(json_of(RealtimeSession, leave_out=frozenset({"temperature"})))
    patch = {name: value for name, value in whole.items() if name == "type" or data.draw(st.booleans())}
    once = updated(SESSION, patch, GA)
    assert updated(once, patch, GA) == once


# What an update has to say.


def test_a_difference_is_an_update_that_makes_one_session_of_another(json_of: Strategies) -> None:
    settled = frozenset({"temperature", "reasoning", "parallel_tool_calls", "strength", "token_limits"})
    sessions = json_of(RealtimeSession, settled).map(lambda value: msgspec.convert(value, RealtimeSession))

    def told(value: Any) -> Any:
        """Return it as JSON, without the nulls, which say no more than that nothing is said."""
        if isinstance(value, dict):
            return {name: told(each) for name, each in value.items() if each is not None}
        return [told(each) for each in value] if isinstance(value, list | tuple) else value

    @given(sessions, sessions)
    @settings(max_examples=30)
    def check(before: RealtimeSession, after: RealtimeSession) -> None:
        after = msgspec.structs.replace(
            after, id=before.id, object=before.object, model=before.model, expires_at=before.expires_at
        )
        got = updated(before, difference(before, after), GA)
        for name in ("instructions", "tools", "tool_choice", "output_modalities", "max_output_tokens", "include"):
            assert told(msgspec.to_builtins(getattr(got, name))) == told(msgspec.to_builtins(getattr(after, name)))
        assert type(got.audio.input.turn_detection) is type(after.audio.input.turn_detection)
        assert got.audio.input.format == after.audio.input.format
        assert got.audio.output == after.audio.output

    check()


def test_a_difference_says_no_more_than_differs() -> None:
    assert difference(SESSION, SESSION) == {"type": "realtime"}
    silent = realtime({"audio": {"input": {"turn_detection": None}}})
    assert difference(SESSION, silent) == {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
    assert difference(silent, SESSION)["audio"]["input"]["turn_detection"]["type"] == "server_vad"
    heard = realtime({"audio": {"input": {"transcription": {"model": "whisper-1"}}}})
    assert difference(SESSION, heard)["audio"]["input"]["transcription"] == {"model": "whisper-1"}
