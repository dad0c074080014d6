"""What providers' voices share: how their genders are told, and recordings that a voice is made from."""

from typing import Final, Literal

from ..codecs.errors import CodecError
from ..codecs.formats import identify
from ..codecs.limits import Limits
from ..codecs.source import source_of
from .contracts import CloneVoice
from .errors import InvalidRequest
from .multipart import File

GENDERS: Final[dict[str | None, Literal["female", "male"]]] = {
    "female": "female",
    "feminine": "female",
    "male": "male",
    "masculine": "male",
}
"""As providers say it, and as we do."""


def recorded(
    request: CloneVoice, provider: str, *, field: str, formats: frozenset[str], most: int, largest: int
) -> tuple[File, ...]:
    """Return the recordings of a request as files of a form, once they are known to be such as the provider takes.

    Args:
        request: What is asked for.
        provider: Its name, for errors.
        field: The form's field.
        formats: Names of the formats that it takes, as `troupe.codecs.formats` calls them.
        most: How many recordings it takes.
        largest: Bytes that one may have.

    Raises:
        InvalidRequest: There is none, or there are too many, or one is too large or of another format.
    """
    if not request.name.strip():
        raise InvalidRequest(provider, "a voice needs a name")
    if not 1 <= len(request.recordings) <= most:
        raise InvalidRequest(provider, f"there are {len(request.recordings)} recordings; give 1 to {most}")
    files: list[File] = []
    for number, recording in enumerate(request.recordings):
        if len(recording) > largest:
            raise InvalidRequest(provider, f"recording {number} has more than {largest} bytes")
        try:
            form = identify(source_of(recording, Limits()))
        except CodecError:
            form = None
        if form is None or form.name not in formats:
            raise InvalidRequest(provider, f"recording {number} is none of {', '.join(sorted(formats))}")
        name = f"recording-{number}.{form.extensions[0]}"
        files.append(File(content=recording, name=name, content_type=form.types["audio"], field=field))
    return tuple(files)
