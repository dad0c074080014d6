"""Whisper servers with an API of their own: see `troupe.actors.providers.whisper`."""

from msgspec.structs import replace

from ...actors.http import Deadlines
from ...actors.providers.whisper.endpoint import PATIENCE, endpoint
from ...actors.providers.whisper.transcription import WhisperTranscription
from ...actors.providers.whisper.wire.transcription import TranscriptionOptions
from ...runtime import child
from ...runtime.specs import ActorSpec
from .kind import Setup
from .remote import RemoteTable


class Table(RemoteTable, frozen=True, kw_only=True):
    """What may stand in ``[providers.NAME]``; its `base_url` has no path."""

    deadlines: Deadlines = PATIENCE
    """Seconds that it may take: `connect`, `first`, `between`, `total`."""
    options: TranscriptionOptions = TranscriptionOptions()
    """How to listen: `language`, `word_times`, `speech_only`, `translated`."""


def stt(setup: Setup[Table]) -> ActorSpec:
    """Make the recogniser."""
    table = setup.table
    at = endpoint(setup.kind.name, base_url=table.base_url or None, provider=setup.provider)
    at = replace(at, key=setup.key, headers=table.headers, deadlines=table.deadlines)
    return child(WhisperTranscription, setup.http, at, table.options, name=setup.actor)
