"""The shapes of the beta dialect: flat sessions and responses, older names of content types.

Everything inside has the GA shape. Two tables say where a flat member lives in it, and how its value is written; they
are read in both directions. Wrong values of members that GA writes in another way are refused here, all else by the GA
types, whose paths `session_path` and `response_path` turn back into the client's.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import msgspec

from .diagnosis import Path, diagnose, written, wrong_value
from .errors import ClientMistake, unknown_parameter
from .json_values import Json, is_array, is_object
from .responses import Response
from .session_config import Modality, Session

_FORMATS = {"pcm16": "audio/pcm", "g711_ulaw": "audio/pcmu", "g711_alaw": "audio/pcma"}
_FORMAT_NAMES = {ga: beta for beta, ga in _FORMATS.items()}
_CONTENT_TYPES = {"text": "output_text", "audio": "output_audio"}
_CONTENT_NAMES = {ga: beta for beta, ga in _CONTENT_TYPES.items()}


# Values.


def _same(value: Any, _path: Path = ()) -> Any:
    return value


def _format_to_ga(value: Any, path: Path) -> Any:
    if not isinstance(value, str):
        raise diagnose(value, str, at=path)
    if value not in _FORMATS:
        raise wrong_value(path, value, list(_FORMATS))
    return {"type": _FORMATS[value]}


def _format_from_ga(value: Json) -> str:
    return _FORMAT_NAMES[value["type"]]


def _modalities_to_ga(value: Any, path: Path) -> Any:
    try:
        modalities = msgspec.convert(value, tuple[Modality, ...])
    except msgspec.ValidationError:
        raise diagnose(value, tuple[Modality, ...], at=path) from None
    if set(modalities) not in ({"text"}, {"text", "audio"}):
        text = f"Invalid modalities: {list(modalities)}. Supported combinations are: ['text'] and ['audio', 'text']."
        raise ClientMistake("invalid_value", text, written(path))
    return ["audio"] if "audio" in modalities else ["text"]


def _modalities_from_ga(value: list[str]) -> list[str]:
    return ["audio", "text"] if "audio" in value else value


def _voice_from_ga(value: Any) -> Any:
    return value["id"] if is_object(value) else value


# Where the members are.


class _Member(NamedTuple):
    name: str
    ga: tuple[str, ...]
    to_ga: Callable[[Any, Path], Any] = _same
    from_ga: Callable[[Any], Any] = _same


_SESSION = (
    _Member("object", ("object",)),
    _Member("id", ("id",)),
    _Member("model", ("model",)),
    _Member("modalities", ("output_modalities",), _modalities_to_ga, _modalities_from_ga),
    _Member("instructions", ("instructions",)),
    _Member("voice", ("audio", "output", "voice"), from_ga=_voice_from_ga),
    _Member("output_audio_format", ("audio", "output", "format"), _format_to_ga, _format_from_ga),
    _Member("tools", ("tools",)),
    _Member("tool_choice", ("tool_choice",)),
    _Member("temperature", ("temperature",)),
    _Member("max_response_output_tokens", ("max_output_tokens",)),
    _Member("turn_detection", ("audio", "input", "turn_detection")),
    _Member("speed", ("audio", "output", "speed")),
    _Member("tracing", ("tracing",)),
    _Member("truncation", ("truncation",)),
    _Member("prompt", ("prompt",)),
    _Member("expires_at", ("expires_at",)),
    _Member("input_audio_noise_reduction", ("audio", "input", "noise_reduction")),
    _Member("input_audio_format", ("audio", "input", "format"), _format_to_ga, _format_from_ga),
    _Member("input_audio_transcription", ("audio", "input", "transcription")),
    _Member("include", ("include",)),
)

_RESPONSE_OPTIONS = (
    _Member("conversation", ("conversation",)),
    _Member("input", ("input",)),
    _Member("instructions", ("instructions",)),
    _Member("modalities", ("output_modalities",), _modalities_to_ga),
    _Member("voice", ("audio", "output", "voice")),
    _Member("output_audio_format", ("audio", "output", "format"), _format_to_ga),
    _Member("tools", ("tools",)),
    _Member("tool_choice", ("tool_choice",)),
    _Member("temperature", ("temperature",)),
    _Member("max_response_output_tokens", ("max_output_tokens",)),
    _Member("max_output_tokens", ("max_output_tokens",)),
    _Member("metadata", ("metadata",)),
)

_RESPONSE = (
    _Member("object", ("object",)),
    _Member("id", ("id",)),
    _Member("status", ("status",)),
    _Member("status_details", ("status_details",)),
    _Member("output", ("output",)),
    _Member("conversation_id", ("conversation_id",)),
    _Member("modalities", ("output_modalities",), from_ga=_modalities_from_ga),
    _Member("voice", ("audio", "output", "voice")),
    _Member("output_audio_format", ("audio", "output", "format"), from_ga=_format_from_ga),
    _Member("temperature", ("temperature",)),
    _Member("max_output_tokens", ("max_output_tokens",)),
    _Member("usage", ("usage",)),
    _Member("metadata", ("metadata",)),
)


def _nested(flat: Json, members: tuple[_Member, ...], root: str) -> Json:
    """Return the GA shape of a client's flat object."""
    by_name = {member.name: member for member in members}
    nested: Json = {}
    for name, value in flat.items():
        member = by_name.get(name)
        if member is None:
            raise unknown_parameter(written((root, name)))
        here = nested
        for step in member.ga[:-1]:
            here = here.setdefault(step, {})
        here[member.ga[-1]] = None if value is None else member.to_ga(value, (root, name))
    return nested


def _flat(nested: Json, members: tuple[_Member, ...]) -> Json:
    """Return the flat shape of a GA object; what GA does not hold is left out."""
    flat: Json = {}
    for member in members:
        value: Any = nested
        for step in member.ga:
            if not is_object(value) or step not in value:
                break
            value = value[step]
        else:
            flat[member.name] = None if value is None else member.from_ga(value)
    return flat


def _path(path: Path, members: tuple[_Member, ...]) -> Path:
    for member in members:
        length = 1 + len(member.ga)
        if path[1:length] == member.ga:
            return (path[0], member.name, *path[length:])
    return path


session_path = partial(_path, members=_SESSION)
"""Turns the path of a member of a GA session, such as ``session.audio.output.voice``, into the beta's."""

response_path = partial(_path, members=_RESPONSE_OPTIONS)
"""Likewise for what is asked of a response."""


# What clients send.


def session_to_ga(flat: Json) -> Json:
    """Return the GA shape of the session in a client's update.

    Raises:
        ClientMistake: a member that the beta does not have, or a wrong format or modality.
    """
    # The client secret is of the HTTP endpoints; SDKs can send it here.
    return _nested({name: value for name, value in flat.items() if name != "client_secret"}, _SESSION, "session")


def response_to_ga(flat: Json) -> Json:
    """Return the GA shape of what a client asks of a response.

    Raises:
        ClientMistake: as `session_to_ga`.
    """
    nested = _nested(flat, _RESPONSE_OPTIONS, "response")
    if is_array(items := nested.get("input")):
        nested["input"] = [item_to_ga(item) for item in items]
    return nested


def item_to_ga(item: Any) -> Any:
    """Return a client's item with the GA names of its content types; the types refuse what is no item."""
    if is_object(item) and item.get("role") == "assistant" and is_array(content := item.get("content")):
        return {**item, "content": [_renamed(part, _CONTENT_TYPES) for part in content]}
    return item


# What the server sends.


def session_from_ga(session: Session) -> Json:
    """Return the flat shape of a session; the client secret is null over a WebSocket."""
    return {**_flat(msgspec.to_builtins(session), _SESSION), "client_secret": None}


def response_from_ga(response: Response) -> Json:
    """Return the flat shape of a response, with the beta's items and without the newer details of its usage."""
    flat = _flat(msgspec.to_builtins(response), _RESPONSE)
    flat["output"] = [item_from_ga(item) for item in flat["output"]]
    if flat["usage"] is not None:
        details = flat["usage"]["input_token_details"]
        del details["image_tokens"], details["cached_tokens_details"]
    return flat


def item_from_ga(item: Json) -> Json:
    """Return an item with the beta's names of its content types, and with `object`."""
    beta = {"id": item["id"], "object": "realtime.item", **item}
    if "content" in item:
        beta["content"] = [_renamed(part, _CONTENT_NAMES) for part in item["content"]]
    return beta


def _renamed(part: Any, names: dict[str, str]) -> Any:
    if is_object(part) and isinstance(kind := part.get("type"), str):
        return {**part, "type": names.get(kind, kind)}
    return part
