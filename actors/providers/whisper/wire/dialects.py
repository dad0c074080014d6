"""How servers want to be asked: the same questions, under other names."""

from typing import Final

from msgspec import Struct

Pairs = tuple[tuple[str, str], ...]


class Dialect(Struct, frozen=True, kw_only=True):
    """How one server wants to be asked."""

    path: str
    """Of requests."""
    file: str
    """The form's field with the audio."""
    in_query: bool
    """Whether everything else stands in the query, and not in the form."""
    always: Pairs
    """What is said with every request."""
    word_times: Pairs
    """How the times of words are asked for."""
    speech_only: Pairs
    """How to have it leave out what is no speech."""
    translated: Pairs
    """How to have it translate into English."""
    prompt: str
    """What words to expect are called."""
    any_language: Pairs
    """What is said where nobody says which language is spoken."""
    raw: Pairs | None
    """What is said where the audio is plain samples at 16 kHz; None if it has to be a file."""
    tokens: bool
    """Whether what it calls words are parts of words."""
    health: str
    """Where it says whether it is there."""


CPP: Final = Dialect(
    path="/inference",
    file="file",
    in_query=False,
    always=(("response_format", "verbose_json"), ("no_language_probabilities", "true")),
    word_times=(),  # they come anyway
    speech_only=(("vad", "true"),),
    translated=(("translate", "true"),),
    prompt="prompt",
    any_language=(("language", "auto"),),  # else it takes what it was started with, which is English
    raw=None,
    tokens=True,
    health="/health",
)
"""Of ``examples/server/server.cpp`` of whisper.cpp 1.9."""

ASR: Final = Dialect(
    path="/asr",
    file="audio_file",
    in_query=True,
    always=(("output", "json"),),
    word_times=(("word_timestamps", "true"),),
    speech_only=(("vad_filter", "true"),),
    translated=(("task", "translate"),),
    prompt="initial_prompt",
    any_language=(),
    raw=(("encode", "false"),),  # else it starts ffmpeg for each request
    tokens=False,
    health="/openapi.json",
)
"""Of ``app/webservice.py`` of whisper-asr-webservice 1.9."""
