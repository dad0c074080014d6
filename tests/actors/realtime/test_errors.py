"""The mistakes that a session finds, in the words that clients compare."""

import pytest
from troupe.actors.realtime import errors
from troupe.actors.realtime.errors import ClientMistake, RefusedConnection

KNOWN: list[tuple[ClientMistake, str | None, str]] = [
    (
        errors.frame_is_binary(),
        "invalid_event",
        "Expected a text WebSocket message; binary frames are not supported.",
    ),
    (
        errors.commit_is_empty(0),
        "input_audio_buffer_commit_empty",
        (
            "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
            "but buffer only has 0.00ms of audio."
        ),
    ),
    (
        errors.no_such_item("delete", "x"),
        "item_delete_invalid_item_id",
        "Error deleting item: the item with id 'x' does not exist.",
    ),
    (
        errors.no_such_item("retrieve", "x"),
        "item_retrieve_invalid_item_id",
        "Error retrieving item: the item with id 'x' does not exist.",
    ),
    (
        errors.no_such_item("truncate", "x"),
        "item_truncate_invalid_item_id",
        "Error truncating item: the item with id 'x' does not exist.",
    ),
    (
        errors.item_exists("x"),
        "item_create_duplicate_item_id",
        "Error adding item: an item with id 'x' already exists.",
    ),
    (
        errors.no_such_previous_item("x"),
        "item_create_invalid_previous_item_id",
        "Error adding item: the previous item with id 'x' does not exist.",
    ),
    (
        errors.no_responses_here(),
        "invalid_parameter",
        "Responses cannot be created in a transcription session.",
    ),
    (errors.no_such_call("x"), "invalid_tool_call_id", "Tool call ID 'x' not found in conversation."),
    (errors.item_has_no_audio(), None, "Only model output audio messages can be truncated"),
    (errors.audio_is_shorter(900, 1000), "invalid_value", "Audio content of 900ms is already shorter than 1000ms"),
    (
        errors.nothing_to_cancel(),
        "response_cancel_not_active",
        "Cancellation failed: no active response found",
    ),
    (
        errors.response_is_active("resp_1"),
        "conversation_already_has_active_response",
        (
            "Conversation already has an active response in progress: resp_1. "
            "Wait until the response is finished before creating a new one."
        ),
    ),
    (
        errors.voice_is_fixed(),
        "cannot_update_voice",
        "Cannot update a conversation's voice if assistant audio is present.",
    ),
    (errors.session_expired(60), "session_expired", "Your session hit the maximum duration of 60 minutes."),
]


@pytest.mark.parametrize(("mistake", "code", "message"), KNOWN, ids=lambda value: str(value)[:40])
def test_words(mistake: ClientMistake, code: str | None, message: str) -> None:
    details = mistake.details("mine")
    assert (details.type, details.code, details.message) == ("invalid_request_error", code, message)
    assert details.event_id == "mine"


REFUSED: list[tuple[RefusedConnection, int, int, str]] = [
    (errors.wrong_key(), 401, 3000, "invalid_request_error.invalid_api_key"),
    (errors.no_key(), 401, 3000, "invalid_request_error"),
    (errors.no_such_model("x"), 400, 4000, "invalid_request_error.invalid_model"),
    (errors.no_model(), 400, 4000, "invalid_request_error.missing_model"),
]


@pytest.mark.parametrize(("refused", "status", "close_code", "reason"), REFUSED, ids=lambda value: str(value)[:40])
def test_refused_connections_close_as_openai_does(
    refused: RefusedConnection, status: int, close_code: int, reason: str
) -> None:
    assert (refused.status, refused.close_code, refused.close_reason) == (status, close_code, reason)


def test_logs_get_the_code_and_the_member_but_nothing_that_the_client_sent() -> None:
    mistake = ClientMistake("invalid_value", "Invalid value: 'secret'.", "session.x")
    assert str(mistake) == "invalid_value at session.x"
    assert "secret" not in repr(mistake)
    assert str(errors.no_key()) == "invalid_request_error"


def test_the_mistakes_own_event_id_comes_first() -> None:
    assert ClientMistake("c", "m", event_id="a").details("b").event_id == "a"
    assert ClientMistake("c", "m").details().event_id is None


def test_our_own_failures_are_told_apart() -> None:
    details = errors.server_error("The model failed.")
    assert (details.type, details.code) == ("server_error", None)
