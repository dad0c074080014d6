"""Roles: what an asset can be used as.

A role turns an asset into a view: audio and speech into an `Audio` or `Speech` (a video plays them by its audio
stream), video and images into a `Video` and an `Image`, text and data into ``str`` and ``bytes``. Making a view decodes
nothing. Further roles are added with `register`, further formats with `formats.register`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from .streams import AudioStream, VideoStream

if TYPE_CHECKING:
    from .asset import Asset

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Audio:
    """An asset that plays audio: a recording, or the sound of a video."""

    asset: "Asset"
    stream: AudioStream
    """The stream that is heard."""


class Speech(Audio):
    """An asset that plays speech. Whether somebody speaks in it, nobody has checked."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Video:
    """An asset that plays video."""

    asset: "Asset"
    stream: VideoStream
    """The stream that is seen."""
    audio: AudioStream | None
    """The stream that is heard with it; None for a silent video."""


@dataclass(frozen=True, slots=True)
class Image:
    """An asset that plays an image."""

    asset: "Asset"
    width: int
    """In pixels."""
    height: int
    """In pixels."""


@dataclass(frozen=True, slots=True)
class Role(Generic[T_co]):
    """What an asset can be used as.

    Attributes:
        name: such as ``speech``.
        needs: what an asset must have for it, in words, for errors.
        kinds: the kinds of formats that may have it; other formats are refused without a look into the file. None for
            any kind.
        view: makes the view, or returns None if the asset can't play the role.
    """

    name: str
    needs: str
    kinds: frozenset[str] | None
    view: Callable[["Asset"], T_co | None]


def _audio(asset: "Asset") -> Audio | None:
    return None if asset.info.audio is None else Audio(asset, asset.info.audio)


def _speech(asset: "Asset") -> Speech | None:
    return None if asset.info.audio is None else Speech(asset, asset.info.audio)


def _video(asset: "Asset") -> Video | None:
    return None if asset.info.video is None else Video(asset, asset.info.video, asset.info.audio)


def _image(asset: "Asset") -> Image | None:
    picture = asset.info.video
    return None if picture is None else Image(asset, picture.width, picture.height)


def _text(asset: "Asset") -> str | None:
    try:
        return asset.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


_HEARD = frozenset({"audio", "video"})

AUDIO = Role("audio", "an audio stream", _HEARD, _audio)
SPEECH = Role("speech", "an audio stream", _HEARD, _speech)
VIDEO = Role("video", "a video stream", frozenset({"video"}), _video)
IMAGE = Role("image", "an image file", frozenset({"image"}), _image)
TEXT = Role("text", "UTF-8 text", frozenset({"text"}), _text)
DATA = Role("data", "any content", None, lambda asset: asset.read())

_roles: dict[str, Role[object]] = {}


def register(role: Role[object]) -> None:
    """Make a role known by its name.

    Raises:
        ValueError: if there is one of this name.
    """
    if role.name in _roles:
        raise ValueError(f"there is a role {role.name!r} already")
    _roles[role.name] = role


def role_named(name: str) -> Role[object]:
    """Look up a role.

    Raises:
        KeyError: if there is none.
    """
    return _roles[name]


def roles() -> tuple[str, ...]:
    """Return the names of all roles."""
    return tuple(_roles)


for _role in (AUDIO, SPEECH, VIDEO, IMAGE, TEXT, DATA):
    register(_role)
