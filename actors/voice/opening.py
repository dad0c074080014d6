"""How sessions begin of which clients have not said how."""

from msgspec import Struct

from ..realtime.session_config import Audio, AudioOutput, RealtimeSession, Transcription


class Opening(Struct, frozen=True, kw_only=True):
    """What the server's configuration says about new sessions; what a client says goes before it."""

    voice: str = "alloy"
    """The voice, by a name that clients would use."""
    instructions: str = ""
    """For the language model."""
    language: str = ""
    """Which language is spoken, as ISO 639-1; empty to find out. It is no part of what clients see."""

    def heard(self, wanted: Transcription | None) -> str | None:
        """Return which language is to be heard, where a client wants that transcription; None if nobody says."""
        return (wanted.language if wanted else None) or self.language or None

    def session(self, model: str) -> RealtimeSession:
        """Return what a conversation begins with, under the name by which its client calls the model."""
        output = AudioOutput(voice=self.voice)
        return RealtimeSession(model=model, instructions=self.instructions, audio=Audio(output=output))
