"""How a client's update changes the configuration of a session.

Members that are given replace, members that are absent stay, and the objects of `_MERGED` merge member by member; an
object whose `type` changes starts from the defaults of its new type. Null clears what can be null: turn detection,
transcription, noise reduction, tracing, prompt, include. One wrong member refuses the whole update.
"""

from typing import Literal

import msgspec

from . import beta
from .client_events import SessionPatch
from .diagnosis import diagnose
from .errors import ClientMistake, session_too_large, unknown_parameter, voice_is_fixed, wrong_session_type
from .json_values import Json, is_object
from .limits import MAX_FRAME_OUT, ROOM_FOR_ENVELOPE
from .names import Dialect
from .session_config import RealtimeSession, Session

_MERGED = frozenset({"audio", "input", "output", "format", "transcription", "noise_reduction", "turn_detection"})

_KEPT = frozenset({"type", "object", "id", "model", "expires_at"})
"""Members that do not change. Clients echo them, and send `model`, so they are not refused but have no effect."""

_Kind = Literal["realtime", "transcription"]


def updated(session: Session, patch: SessionPatch, dialect: Dialect, *, voice_is_used: bool = False) -> Session:
    """Return the session with a client's update applied.

    Args:
        session: the configuration so far.
        patch: the member `session` of the client's update, in the shape of its dialect.
        dialect: that dialect.
        voice_is_used: the assistant has spoken, so that its voice cannot change any more.

    Raises:
        ClientMistake: the update is refused, and nothing of it holds.
    """
    merged = _merged(msgspec.to_builtins(session), _changes(session, patch, dialect))
    try:
        result = msgspec.convert(merged, type(session))
    except msgspec.ValidationError:
        rename = beta.session_path if dialect is Dialect.BETA else None
        raise diagnose(merged, type(session), at=("session",), rename=rename) from None
    if isinstance(result, RealtimeSession) and isinstance(session, RealtimeSession):
        check_modalities(result.output_modalities, "session.output_modalities")
        if voice_is_used and result.audio.output.voice != session.audio.output.voice:
            raise voice_is_fixed()
    room = MAX_FRAME_OUT - ROOM_FOR_ENVELOPE
    if len(msgspec.json.encode(result)) > room:
        raise session_too_large(room)
    return result


def difference(before: Session, after: Session) -> SessionPatch:
    """Return the update, in the GA shape, that makes the one session of the other, as far as an update can.

    Objects other than those that only group members are told as a whole, so that no member of another type is left.
    """
    kind = "realtime" if isinstance(after, RealtimeSession) else "transcription"
    patch = _differing(msgspec.to_builtins(before), msgspec.to_builtins(after))
    return {"type": kind, **{name: value for name, value in patch.items() if name not in _UNTOLD}}


_GROUPS = frozenset({"audio", "input", "output"})
_UNTOLD = _KEPT | {"temperature"}
"""Members that GA's updates do not have."""


def _differing(before: Json, after: Json) -> Json:
    patch: Json = {}
    for name, value in after.items():
        old = before.get(name)
        if value == old and name in before:
            continue
        if name in _GROUPS and is_object(value) and is_object(old):
            patch[name] = _differing(old, value)
        elif is_object(value):  # a null where there was none says nothing, and is not taken by every service
            held = old if is_object(old) else {}
            patch[name] = {key: each for key, each in value.items() if each is not None or held.get(key) is not None}
        else:
            patch[name] = value
    return patch


def check_modalities(modalities: tuple[str, ...], param: str) -> None:
    """Refuse anything but text alone and audio alone.

    Raises:
        ClientMistake: another combination.
    """
    if modalities not in (("text",), ("audio",)):
        raise ClientMistake(
            "invalid_value",
            f"Invalid modalities: {list(modalities)}. Supported combinations are: ['text'] and ['audio'].",
            param,
        )


def _changes(session: Session, patch: SessionPatch, dialect: Dialect) -> Json:
    """Return the members to change, in the GA shape, once the type of the update is known to be that of the session."""
    ours: _Kind = "realtime" if isinstance(session, RealtimeSession) else "transcription"
    if dialect is Dialect.GA and "type" not in patch:
        raise ClientMistake("missing_required_parameter", "Missing required parameter: 'session.type'.", "session.type")
    asked = patch.get("type", ours)
    if asked not in ("realtime", "transcription"):
        raise diagnose(asked, _Kind, at=("session", "type"))
    if asked != ours:
        raise wrong_session_type(asked)
    changes = {name: value for name, value in patch.items() if name != "type"}
    if dialect is Dialect.BETA:
        changes = beta.session_to_ga(changes)
        if ours == "transcription":
            changes.pop("output_modalities", None)  # its clients may say so, to no effect
    elif "temperature" in changes:
        raise unknown_parameter("session.temperature")
    return {name: value for name, value in changes.items() if name not in _KEPT}


def _merged(before: Json, changes: Json) -> Json:
    result = dict(before)
    for name, value in changes.items():
        old = before.get(name)
        if name in _MERGED and is_object(value) and is_object(old) and _type_stays(old, value):
            result[name] = _merged(old, value)
        else:
            result[name] = value
    return result


def _type_stays(before: Json, changes: Json) -> bool:
    kind = before.get("type")
    return changes.get("type", kind) == kind
