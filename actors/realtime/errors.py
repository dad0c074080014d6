"""What a client can do wrong, in OpenAI's words, and the object in which it is told.

::

    ClientMistake            one event is refused; the connection and a running response go on
     └── RefusedConnection   the connection itself is refused, and closed

Clients compare `code`, a few compare the start of `message`, and they find the event at fault by `event_id`; so every
known fault is a function here and is raised by that function only. A text comes from recordings of the live service
where there are any.
"""

from typing import Literal

from msgspec import Struct

_INVALID_REQUEST = "invalid_request_error"


class ErrorDetails(Struct, frozen=True, kw_only=True):
    """The member `error` of an error event; nulls are written."""

    type: str
    """``invalid_request_error`` for a client's fault, ``server_error`` for ours."""
    code: str | None
    """What went wrong, for programs."""
    message: str
    """What went wrong, for people."""
    param: str | None = None
    """Path of the member at fault, such as ``session.tools[3].description``."""
    event_id: str | None = None
    """The `event_id` that the client gave to the event at fault."""


class ClientMistake(Exception):
    """A client event that cannot be carried out.

    `str()` names the code and the member only; `message` may quote what the client sent, so it goes back to the client
    and nowhere else.
    """

    def __init__(self, code: str | None, message: str, param: str | None = None, *, event_id: str | None = None):
        super().__init__(code, param)
        self.code = code
        self.message = message
        self.param = param
        self.event_id = event_id

    def __str__(self) -> str:
        return f"{self.code or _INVALID_REQUEST} at {self.param}" if self.param else self.code or _INVALID_REQUEST

    def details(self, event_id: str | None = None) -> ErrorDetails:
        """Return the wire object; `event_id` is that of the client's event, where the mistake does not hold it."""
        return ErrorDetails(
            type=_INVALID_REQUEST,
            code=self.code,
            message=self.message,
            param=self.param,
            event_id=self.event_id or event_id,
        )


class RefusedConnection(ClientMistake):
    """A connection that is refused: one error event, then a close frame with `close_code` and `close_reason`.

    Before the upgrade it may be told as HTTP `status` instead, which most clients report more clearly.
    """

    def __init__(self, code: str | None, message: str, *, status: int, close_code: int):
        super().__init__(code, message)
        self.status = status
        self.close_code = close_code

    @property
    def close_reason(self) -> str:
        """``error.type``, and after a dot ``error.code`` where there is one."""
        return f"{_INVALID_REQUEST}.{self.code}" if self.code else _INVALID_REQUEST


def server_error(message: str, code: str | None = None) -> ErrorDetails:
    """Our fault, not the client's."""
    return ErrorDetails(type="server_error", code=code, message=message)


# The frame.


def frame_is_binary() -> ClientMistake:
    """Binary frames carry nothing in this protocol."""
    return ClientMistake("invalid_event", "Expected a text WebSocket message; binary frames are not supported.")


def frame_too_large(size: int, limit: int) -> ClientMistake:
    """More than 15 MiB of audio in one event. The text is ours: no recording shows OpenAI's."""
    return ClientMistake(
        "invalid_event",
        f"Invalid event: message too large. Expected at most {limit} bytes, but got {size} bytes instead. "
        "Send audio in several input_audio_buffer.append events.",
    )


_NOT_JSON = (
    "failed to parse JSON value. Please check the value to ensure it is valid JSON. "
    "(Common errors include trailing commas, missing closing brackets, missing quotation marks, etc.)"
)


def frame_is_not_json() -> ClientMistake:
    """The frame cannot be parsed."""
    return ClientMistake("invalid_json", f"Invalid event: {_NOT_JSON}")


def body_is_not_json() -> ClientMistake:
    """The body of an HTTP request cannot be parsed."""
    return ClientMistake("invalid_json", f"Invalid body: {_NOT_JSON}")


def unknown_parameter(param: str) -> ClientMistake:
    """A member that does not exist."""
    return ClientMistake("unknown_parameter", f"Unknown parameter: '{param}'.", param)


# The session.


def wrong_session_type(asked: Literal["realtime", "transcription"]) -> ClientMistake:
    """An update of one session type to a session of the other. Recorded for transcription; the other by symmetry."""
    ours = "realtime" if asked == "transcription" else "transcription"
    return ClientMistake(
        "invalid_parameter", f"Passing a {asked} session update event to a {ours} session is not allowed."
    )


def voice_is_fixed() -> ClientMistake:
    """Another voice once the assistant has spoken."""
    return ClientMistake("cannot_update_voice", "Cannot update a conversation's voice if assistant audio is present.")


def session_too_large(limit: int) -> ClientMistake:
    """A configuration whose echo would not fit in a frame. The text is ours."""
    return ClientMistake(
        "string_above_max_length",
        f"Invalid 'session': instructions and tools too long. Expected at most {limit} bytes in all.",
        "session",
    )


def session_expired(minutes: int) -> ClientMistake:
    """The time is up; the connection closes with 1001 after this."""
    return ClientMistake("session_expired", f"Your session hit the maximum duration of {minutes} minutes.")


# The input audio buffer.


def commit_is_empty(milliseconds: float) -> ClientMistake:
    """Less than 100 ms of audio in the buffer."""
    return ClientMistake(
        "input_audio_buffer_commit_empty",
        "Error committing input audio buffer: buffer too small. Expected at least 100ms of audio, "
        f"but buffer only has {milliseconds:.2f}ms of audio.",
    )


# The conversation.


def no_such_item(verb: Literal["delete", "retrieve", "truncate"], item_id: str) -> ClientMistake:
    """An item that the conversation does not hold."""
    doing = {"delete": "deleting", "retrieve": "retrieving", "truncate": "truncating"}[verb]
    return ClientMistake(
        f"item_{verb}_invalid_item_id",
        f"Error {doing} item: the item with id '{shown(item_id)}' does not exist.",
    )


def no_such_previous_item(item_id: str) -> ClientMistake:
    """`previous_item_id` of a new item. One third party's server has this code; no recording shows OpenAI's."""
    return ClientMistake(
        "item_create_invalid_previous_item_id",
        f"Error adding item: the previous item with id '{shown(item_id)}' does not exist.",
    )


def item_exists(item_id: str) -> ClientMistake:
    """An id that is in use; it is free again once its item is deleted."""
    return ClientMistake(
        "item_create_duplicate_item_id", f"Error adding item: an item with id '{shown(item_id)}' already exists."
    )


def item_too_large(limit: int) -> ClientMistake:
    """An item whose text does not fit in a frame. The text is ours."""
    return ClientMistake(
        "string_above_max_length", f"Invalid 'item': text too long. Expected at most {limit} bytes in all.", "item"
    )


def no_such_call(call_id: str) -> ClientMistake:
    """A function call's output without the call."""
    return ClientMistake("invalid_tool_call_id", f"Tool call ID '{shown(call_id)}' not found in conversation.")


def item_has_no_audio() -> ClientMistake:
    """Truncation of something that was not spoken by the assistant. Recorded with a null code."""
    return ClientMistake(None, "Only model output audio messages can be truncated")


def audio_is_shorter(held_ms: int, asked_ms: int) -> ClientMistake:
    """Truncation beyond the end of an item's audio."""
    return ClientMistake(
        "invalid_value", f"Audio content of {held_ms}ms is already shorter than {asked_ms}ms", "audio_end_ms"
    )


# Responses.


def nothing_to_cancel() -> ClientMistake:
    """No response is active. Clients look for the start of the text."""
    return ClientMistake("response_cancel_not_active", "Cancellation failed: no active response found")


def response_is_active(response_id: str) -> ClientMistake:
    """A second response of the default conversation."""
    return ClientMistake(
        "conversation_already_has_active_response",
        f"Conversation already has an active response in progress: {response_id}. "
        "Wait until the response is finished before creating a new one.",
    )


def no_responses_here() -> ClientMistake:
    """`response.create` in a transcription session. No recording shows OpenAI's code or text."""
    return ClientMistake("invalid_parameter", "Responses cannot be created in a transcription session.")


# The connection.


def wrong_key() -> RefusedConnection:
    """A key that is not known; it is not quoted."""
    return RefusedConnection("invalid_api_key", "Incorrect API key provided.", status=401, close_code=3000)


def no_key() -> RefusedConnection:
    """No key at all."""
    return RefusedConnection(None, "Missing bearer or basic authentication in header", status=401, close_code=3000)


def no_such_model(model: str) -> RefusedConnection:
    """A model that is not served."""
    return RefusedConnection(
        "invalid_model", f'Model "{shown(model)}" is not supported in realtime mode.', status=400, close_code=4000
    )


def no_model() -> RefusedConnection:
    """Neither a model nor `intent=transcription` nor a call id in the URL."""
    return RefusedConnection(
        "missing_model",
        "You must provide a model parameter, for example wss://HOST/v1/realtime?model=gpt-realtime",
        status=400,
        close_code=4000,
    )


def shown(text: str, limit: int = 100) -> str:
    """Return what a message quotes of a client's text: its start, for an answer must stay small."""
    return text if len(text) <= limit else f"{text[:limit]}…"
