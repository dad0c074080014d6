"""What a connection asks for, as the clients of the field say it."""

import pytest
from troupe.actors.realtime.handshake import Handshake, read_handshake
from troupe.actors.realtime.names import Dialect


def test_the_official_client_sends_a_header_and_a_model() -> None:
    headers = {"authorization": "Bearer sk-1", "x-stainless-lang": "python"}
    assert read_handshake({"model": "gpt-realtime"}, headers) == Handshake(
        dialect=Dialect.GA, kind="realtime", model="gpt-realtime", call_id=None, key="sk-1", subprotocol=None
    )


def test_browsers_send_the_key_as_a_subprotocol() -> None:
    offered = ["realtime", "openai-insecure-api-key.ek_1", "openai-agents-sdk.0.1.0"]
    asked = read_handshake({"model": "gpt-realtime"}, {}, offered)
    assert (asked.key, asked.subprotocol, asked.dialect) == ("ek_1", "realtime", Dialect.GA)


def test_the_key_is_never_selected_nor_shown() -> None:
    asked = read_handshake({}, {}, ["openai-insecure-api-key.ek_1"])
    assert asked.subprotocol is None
    assert asked.key == "ek_1"
    assert "ek_1" not in repr(asked)


@pytest.mark.parametrize(
    ("headers", "subprotocols", "dialect"),
    [
        ({"openai-beta": "realtime=v1"}, [], Dialect.BETA),
        ({"openai-beta": "assistants=v2, realtime=v1"}, [], Dialect.BETA),
        ({}, ["realtime", "openai-beta.realtime-v1"], Dialect.BETA),
        ({"openai-beta": "assistants=v2"}, ["realtime"], Dialect.GA),
        ({}, [], Dialect.GA),
    ],
)
def test_dialect(headers: dict[str, str], subprotocols: list[str], dialect: Dialect) -> None:
    assert read_handshake({}, headers, subprotocols).dialect is dialect


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({"authorization": "bearer  sk-1 "}, "sk-1"),
        ({"authorization": "Bearer "}, None),
        ({"authorization": "Basic c2s="}, None),
        ({"api-key": "azure"}, "azure"),
        ({}, None),
    ],
)
def test_key(headers: dict[str, str], key: str | None) -> None:
    assert read_handshake({}, headers).key == key


def test_the_intent_wins_over_a_model() -> None:
    asked = read_handshake({"intent": "transcription", "model": "gpt-4o-transcribe"}, {})
    assert (asked.kind, asked.model) == ("transcription", None)


def test_azure_names_a_deployment_and_a_side_channel_its_call() -> None:
    assert read_handshake({"deployment": "mine", "api-version": "2024-10-01"}, {}).model == "mine"
    assert read_handshake({"call_id": "rtc_1"}, {}).call_id == "rtc_1"
