"""``/v1/realtime`` in its current form: a conversation as the API holds it, without I/O."""

import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from msgspec.structs import replace

from ....actors.realtime import client_events as client
from ....actors.realtime import errors
from ....actors.realtime import response_events as response
from ....actors.realtime import server_events as server
from ....actors.realtime.ids import new_item_id
from ....actors.realtime.items import (
    FunctionCall,
    FunctionCallOutput,
    InputAudio,
    InputImage,
    InputText,
    Item,
    Message,
    OutputAudio,
    OutputText,
    without_audio,
)
from ....actors.realtime.names import Dialect, name_of
from ....actors.realtime.responses import InputTokens, ResponseOptions
from ....actors.realtime.session_config import RealtimeSession
from ....actors.realtime.session_update import updated
from ....codecs.audio_format import AUDIO_FORMATS, AudioFormat
from ..replies import Reply
from .realtime_answers import Answer, Reason
from .realtime_turns import Started, Turns

HOUR: Final = 3600
"""Seconds that a session may last."""
LEAST_MS: Final = 100
"""Milliseconds of audio that can be committed."""
TOKENS_PER_SECOND: Final = 10
"""How the API counts speech that it hears."""
LIMIT: Final = 40_000
"""Tokens that the account may use in a minute."""


class RealtimeConversation:
    """One session: what a client says goes in, what it is told comes out.

    Args:
        model: That it was opened with.
        reply: Says what is answered to what the user said last.
        hear: Says what is heard in so many seconds of speech.
    """

    def __init__(self, model: str, reply: Callable[[str], Reply], hear: Callable[[float], str]) -> None:
        self._session = RealtimeSession(model=model, expires_at=int(time.time()) + HOUR)
        self._conversation = server.Conversation().id
        self._reply = reply
        self._hear = hear
        self._items: dict[str, Item] = {}
        self._seconds: dict[str, float] = {}
        self._milliseconds: dict[str, int] = {}
        self._said = ""
        self._turns = Turns(self._input)
        self._speaking = ""  # the id of the item that the user's turn will be
        self._answer: Answer | None = None
        self._events: Iterator[server.ServerEvent] = iter(())

    @property
    def _input(self) -> AudioFormat:
        return AUDIO_FORMATS[name_of(type(self._session.audio.input.format))]

    @property
    def answering(self) -> bool:
        """Whether a response is under way, of which `go_on` gives the next event."""
        return self._answer is not None

    def opening(self) -> Iterator[server.ServerEvent]:
        """Give what is said unasked."""
        yield server.SessionCreated(session=self._session)

    def go_on(self) -> Iterator[server.ServerEvent]:
        """Give the next event of the response under way."""
        event = next(self._events, None)
        if event is None:
            return
        yield event
        yield from self._note(event)

    def take(self, event: client.ClientEvent) -> Iterator[server.ServerEvent]:
        """Give what an event is answered with.

        Raises:
            ClientMistake: It is refused.
        """
        match event:
            case client.SessionUpdate():
                spoken = bool(self._milliseconds)
                session = updated(self._session, event.session, Dialect.GA, voice_is_used=spoken)
                assert isinstance(session, RealtimeSession)
                self._session = session
                if self._turns.form is not self._input:
                    self._turns = Turns(self._input)
                yield server.SessionUpdated(session=self._session)
            case client.InputAudioBufferAppend():
                yield from self._append(event.audio)
            case client.InputAudioBufferCommit():
                if self._turns.milliseconds < LEAST_MS:
                    raise errors.commit_is_empty(self._turns.milliseconds)
                yield from self._commit(self._speaking or new_item_id(), self._turns.take())
            case client.InputAudioBufferClear():
                self._turns.take()
                self._speaking = ""
                yield server.InputAudioBufferCleared()
            case client.ConversationItemCreate():
                yield from self._create(event)
            case client.ConversationItemRetrieve():
                yield server.ConversationItemRetrieved(item=self._item("retrieve", event.item_id))
            case client.ConversationItemTruncate():
                yield self._truncated(event)
            case client.ConversationItemDelete():
                self._item("delete", event.item_id)
                del self._items[event.item_id]
                yield server.ConversationItemDeleted(item_id=event.item_id)
            case client.ResponseCreate():
                self._respond(event.response)
            case client.ResponseCancel():
                if self._answer is None:
                    raise errors.nothing_to_cancel()
                yield from self._cancel("client_cancelled")
            case client.OutputAudioBufferClear():
                raise errors.ClientMistake("invalid_value", "It plays nothing over a WebSocket.", "type")

    def _item(self, verb: Any, item_id: str) -> Item:
        if item_id not in self._items:
            raise errors.no_such_item(verb, item_id)
        return self._items[item_id]

    # -- what is heard -------------------------------------------------------------------------------------------------

    def _append(self, audio: bytes) -> Iterator[server.ServerEvent]:
        detection = self._session.audio.input.turn_detection
        for turn in self._turns.push(audio, detection):
            if isinstance(turn, Started):
                self._speaking = new_item_id()
                yield server.InputAudioBufferSpeechStarted(audio_start_ms=turn.start_ms, item_id=self._speaking)
                if self._answer is not None and detection is not None and detection.interrupt_response:
                    yield from self._cancel("turn_detected")
                continue
            yield server.InputAudioBufferSpeechStopped(audio_end_ms=turn.end_ms, item_id=self._speaking)
            yield from self._commit(self._speaking, turn.audio)
            if self._answer is None and detection is not None and detection.create_response:
                self._respond(None)

    def _commit(self, item_id: str, audio: bytes) -> Iterator[server.ServerEvent]:
        self._speaking = ""
        seconds = len(audio) / (self._input.rate * self._input.sample_size)
        self._said = self._hear(seconds)
        self._seconds[item_id] = seconds
        yield server.InputAudioBufferCommitted(previous_item_id=next(reversed(self._items), None), item_id=item_id)
        yield from self._add(Message(id=item_id, role="user", content=(InputAudio(),)))
        if self._session.audio.input.transcription is None:
            return
        for word in self._said.split(" "):
            yield server.InputAudioTranscriptionDelta(item_id=item_id, delta=f" {word}")
        tokens = server.TranscriptionTokens(audio_tokens=round(seconds * TOKENS_PER_SECOND))
        written = len(self._said.split())
        yield server.InputAudioTranscriptionCompleted(
            item_id=item_id,
            transcript=self._said,
            usage=server.TokenUsage(
                total_tokens=tokens.audio_tokens + written,
                input_tokens=tokens.audio_tokens,
                input_token_details=tokens,
                output_tokens=written,
            ),
        )

    def _create(self, event: client.ConversationItemCreate) -> Iterator[server.ServerEvent]:
        item = event.item
        if item.id in self._items:
            raise errors.item_exists(item.id)
        calls = {each.call_id for each in self._items.values() if isinstance(each, FunctionCall)}
        if isinstance(item, FunctionCallOutput) and item.call_id not in calls:
            raise errors.no_such_call(item.call_id)
        previous = event.previous_item_id
        if previous not in {None, "root", *self._items}:
            raise errors.no_such_previous_item(previous or "")
        if isinstance(item, Message) and any(isinstance(part, OutputAudio) for part in item.content):
            raise errors.ClientMistake("invalid_value", "Audio of the assistant can't be created.", "item.content")
        if isinstance(item, Message) and item.role == "user":
            self._said = self._written(item)
        yield from self._add(without_audio(item), previous)

    def _written(self, item: Message) -> str:
        words: list[str] = []
        for part in item.content:
            match part:
                case InputText():
                    words.append(part.text)
                case InputAudio(audio=bytes() as audio):
                    seconds = len(audio) / (self._input.rate * self._input.sample_size)
                    self._seconds[item.id] = seconds
                    words.append(self._hear(seconds))
                case _:
                    pass
        return " ".join(words)

    def _add(self, item: Item, previous: str | None = None) -> Iterator[server.ServerEvent]:
        order = list(self._items)
        place = len(order) if previous is None else 0 if previous == "root" else order.index(previous) + 1
        before = order[place - 1] if place else None
        order.insert(place, item.id)
        self._items = {each: self._items.get(each, item) for each in order}
        yield server.ConversationItemAdded(previous_item_id=before, item=item)
        yield server.ConversationItemDone(previous_item_id=before, item=item)

    # -- what is answered ----------------------------------------------------------------------------------------------

    def _respond(self, options: ResponseOptions | None) -> None:
        options = options or ResponseOptions()
        if self._answer is not None:
            raise errors.response_is_active(self._answer.response.id)
        session = self._session
        if options.output_modalities is not None:
            session = replace(session, output_modalities=options.output_modalities)
        self._answer = Answer(
            session,
            self._reply(self._said),
            name_of(type(session.audio.output.format)),
            next(reversed(self._items), None),
            None if options.conversation == "none" else self._conversation,
            self._read(),
            options.metadata,
        )
        self._events = self._answer.events()

    def _read(self) -> InputTokens:
        """Count what is read for a response: words, speech and pictures."""
        parts = [part for item in self._items.values() if isinstance(item, Message) for part in item.content]
        texts = [part.text for part in parts if isinstance(part, InputText | OutputText)]
        text = self._session.instructions.split() + [word for each in texts for word in each.split()]
        return InputTokens(
            text_tokens=len(text),
            audio_tokens=round(sum(self._seconds.values()) * TOKENS_PER_SECOND),
            image_tokens=100 * sum(isinstance(part, InputImage) for part in parts),
        )

    def _note(self, event: server.ServerEvent) -> Iterator[server.ServerEvent]:
        """Take note of what the response has said."""
        answer = self._answer
        match event:
            case server.ConversationItemAdded() | server.ConversationItemDone():
                self._items[event.item.id] = event.item
            case response.ResponseDone() if answer is not None:
                self._answer, self._events = None, iter(())
                left = LIMIT - (event.response.usage.total_tokens if event.response.usage else 0)
                limit = response.RateLimit(name="tokens", limit=LIMIT, remaining=left, reset_seconds=0.5)
                yield response.RateLimitsUpdated(rate_limits=(limit,))
            case _:
                pass
        if answer is not None:
            self._milliseconds |= answer.milliseconds

    def _cancel(self, reason: Reason) -> Iterator[server.ServerEvent]:
        assert self._answer is not None
        for event in self._answer.cancel(reason):
            yield event
            yield from self._note(event)

    def _truncated(self, event: client.ConversationItemTruncate) -> server.ServerEvent:
        item = self._item("truncate", event.item_id)
        if event.item_id not in self._milliseconds:
            raise errors.item_has_no_audio()
        held = self._milliseconds[event.item_id]
        if event.audio_end_ms > held:
            raise errors.audio_is_shorter(held, event.audio_end_ms)
        self._milliseconds[event.item_id] = event.audio_end_ms
        if isinstance(item, Message):
            self._items[item.id] = replace(item, content=(OutputAudio(),))
        return server.ConversationItemTruncated(
            item_id=event.item_id, content_index=event.content_index, audio_end_ms=event.audio_end_ms
        )
