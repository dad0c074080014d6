"""What the users of a session have said, on its way from audio to the conversation, the client and the model."""

from typing import TYPE_CHECKING, Any

from msgspec import UNSET

from ...codecs.audio_format import AUDIO_FORMATS, AudioDecoder
from ...codecs.resample import Resampler
from ..realtime import server_events as server
from ..realtime.items import InputAudio, Item, ItemReference, Message, without_audio
from ..realtime.names import name_of
from ..realtime.session_config import TranscriptionSession
from .ear import RATE
from .history import with_transcript
from .plan import Plan
from .utterance import Utterance

if TYPE_CHECKING:
    from .session import VoiceSession


class TranscriptMissing(Exception):
    """What the user said could not be understood, so there is nothing to answer."""


class Transcripts:
    """The utterances of one session that are not understood yet.

    Args:
        session: Whose they are.
    """

    def __init__(self, session: "VoiceSession") -> None:
        self._session = session
        self._pending: dict[str, Utterance] = {}

    @property
    def pending(self) -> bool:
        """Whether something was said that does not stand in the conversation yet."""
        return bool(self._pending)

    def of(self, item: Item) -> Utterance | None:
        """Return the speech in an item of the client's that nobody has written down, on its way to be transcribed."""
        if not isinstance(item, Message):
            return None
        parts = [part for part in item.content if isinstance(part, InputAudio) and not part.transcript]
        audio = b"".join(part.audio for part in parts if part.audio is not UNSET)
        if not audio:
            return None
        session = self._session
        form = AUDIO_FORMATS[name_of(type(session.config.audio.input.format))]
        resampler = Resampler(form.rate, RATE)
        wanted = session.config.audio.input.transcription
        utterance = Utterance(
            session.services,
            session.context.system.now,
            language=session.services.opening.heard(wanted),
            prompt=wanted.prompt if wanted else None,
            changed=self.understood,
            item_id=item.id,
        )
        for samples in (resampler.push(AudioDecoder(form).push(audio)), resampler.finish()):
            for second in range(0, len(samples), RATE):
                pcm = samples[second : second + RATE].tobytes()
                utterance.push(pcm)
                if item.id in session.history:
                    session.recordings.add(item.id, pcm)
        utterance.end()
        session.context.start_soon(utterance.run)
        return utterance

    def follow(self, utterance: Utterance) -> None:
        """An utterance has become an item: note what was said, and tell the client, when it is understood."""
        self._pending[utterance.item_id] = utterance
        self._tell_delta(utterance)
        self._session.context.start_soon(self._report, utterance)

    def understood(self, utterance: Utterance) -> None:
        """An utterance is understood a little further."""
        # a conversation's client knows no item before it is committed
        known = self._pending.get(utterance.item_id) is utterance
        if known or isinstance(self._session.config, TranscriptionSession):
            self._tell_delta(utterance)
        self._session.floor.understood(utterance)

    def _tell_delta(self, utterance: Utterance) -> None:
        """Tell the client what can be told for good."""
        if self._session.config.audio.input.transcription is not None and (delta := utterance.deltas.take()):
            self._session.emit(server.InputAudioTranscriptionDelta(item_id=utterance.item_id, delta=delta))

    async def _report(self, utterance: Utterance) -> None:
        outcome = await utterance.transcript.wait()
        session, item_id = self._session, utterance.item_id
        if self._pending.get(item_id) is utterance:  # else the client has given the id to another item
            del self._pending[item_id]
            if isinstance(outcome, str):
                session.history.transcribe(item_id, outcome)
        utterance.noted.set(outcome)
        if session.config.audio.input.transcription is None:
            return
        if not isinstance(outcome, str):
            error = server.TranscriptionError(
                type="server_error", code="transcription_failed", message="The audio could not be transcribed."
            )
            session.emit(server.InputAudioTranscriptionFailed(item_id=item_id, error=error))
            return
        utterance.deltas.final(outcome)
        self._tell_delta(utterance)
        usage = server.DurationUsage(seconds=round(utterance.seconds, 3))
        session.emit(server.InputAudioTranscriptionCompleted(item_id=item_id, transcript=outcome, usage=usage))

    # -- for a response --------------------------------------------------------------------------------------------

    async def told(self, plan: Plan) -> list[Item]:
        """Return the items that a response is to be made of, once all speech in them is written down.

        Raises:
            TranscriptMissing: Some of it can't be.
        """
        history = self._session.history
        if plan.items is None:
            for utterance in list(self._pending.values()):
                await utterance.transcript.wait()  # as `_report` does, which comes first: it is noted when this goes on
                _text(await utterance.noted.wait())
            return history.items()
        items: list[Item] = []
        for each in plan.items:
            if not isinstance(each, ItemReference):
                items.append(await self._written_down(each))
                continue
            if (pending := self._pending.get(each.id)) is not None:
                _text(await pending.noted.wait())
            if (item := history.get(each.id)) is not None:
                items.append(item)
        return items

    async def _written_down(self, item: Item) -> Item:
        """Return an item of a response's own input without its audio, but with what is said in it."""
        utterance = self.of(item)
        item = without_audio(item)
        return item if utterance is None else with_transcript(item, _text(await utterance.transcript.wait()))


def _text(outcome: Any) -> str:
    if isinstance(outcome, Exception):
        raise TranscriptMissing from outcome
    return str(outcome)
