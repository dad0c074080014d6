"""A response of the realtime API, event by event: text, speech with its transcript, or calls of functions."""

from collections.abc import Iterator
from typing import Any, Final, Literal

from msgspec.structs import replace

from ....actors.realtime import response_events as response
from ....actors.realtime import server_events as server
from ....actors.realtime.items import FunctionCall, Item, Message, OutputAudio, OutputText, Status
from ....actors.realtime.responses import (
    CachedTokens,
    InputTokens,
    OutputTokens,
    Response,
    ResponseAudio,
    ResponseOutput,
    StatusDetails,
    usage_of,
)
from ....actors.realtime.session_config import RealtimeSession, name_of_voice
from ....codecs.audio_format import AUDIO_FORMATS
from ....codecs.pcm import int16_from_bytes
from ..replies import Reply, ToolUse
from ..tone import pieces, tone

TOKENS_PER_SECOND: Final = 20
"""How the API counts speech that it makes."""
CALLED: Final = 8
"""Characters of a call's arguments in one event."""

Reason = Literal["turn_detected", "client_cancelled"]


class Answer:
    """One response under way.

    Args:
        session: Its configuration.
        reply: What is answered.
        form: The name of the format that it is spoken in.
        previous: The id of the item after which its first one stands.
        conversation: The id of the conversation; None for a response out of band.
        input_tokens: What was read for it.
        metadata: What the client has given it along.
    """

    def __init__(
        self,
        session: RealtimeSession,
        reply: Reply,
        form: str,
        previous: str | None,
        conversation: str | None,
        input_tokens: InputTokens,
        metadata: dict[str, str] | None,
    ) -> None:
        output = ResponseOutput(format=session.audio.output.format, voice=name_of_voice(session.audio.output.voice))
        self.response = Response(
            conversation_id=conversation,
            output_modalities=session.output_modalities,
            max_output_tokens=session.max_output_tokens,
            audio=ResponseAudio(output=output),
            metadata=metadata,
        )
        self.items: list[Item] = []
        """What it has made so far; the last one may not be complete."""
        self.milliseconds: dict[str, int] = {}
        """How long the speech of each item is."""
        self._reply = reply
        self._session = session
        self._form = AUDIO_FORMATS[form]
        self._previous = previous
        self._inputs = input_tokens
        self._tokens = OutputTokens()
        self._text = ""

    @property
    def _spoken(self) -> bool:
        return self._session.output_modalities == ("audio",)

    def events(self) -> Iterator[server.ServerEvent]:
        """Give all events, from the first to the last."""
        yield response.ResponseCreated(response=self.response)
        if self._reply.pieces():
            yield from self._say()
        for call in self._reply.tool_calls:
            yield from self._call(call)
        limited = self._reply.finish_reason == "length"
        details = StatusDetails(type="incomplete", reason="max_output_tokens") if limited else None
        yield self._done("incomplete" if limited else "completed", details)

    def cancel(self, reason: Reason) -> Iterator[server.ServerEvent]:
        """Give the events that end it where it is."""
        last = self.items[-1] if self.items else None
        if isinstance(last, Message) and last.status == "in_progress":
            yield from self._end_message(last, "incomplete")
        elif isinstance(last, FunctionCall) and last.status == "in_progress":
            yield from self._end_item(replace(last, status="incomplete"))
        yield self._done("cancelled", StatusDetails(type="cancelled", reason=reason))

    def _place(self, **more: Any) -> dict[str, Any]:
        index = len(self.items) - 1
        return {"response_id": self.response.id, "item_id": self.items[index].id, "output_index": index, **more}

    def _begin_item(self, item: Item) -> Iterator[server.ServerEvent]:
        self.items.append(item)
        index = len(self.items) - 1
        yield response.ResponseOutputItemAdded(response_id=self.response.id, output_index=index, item=item)
        if self.response.conversation_id is not None:
            yield server.ConversationItemAdded(previous_item_id=self._previous, item=item)

    def _end_item(self, item: Item) -> Iterator[server.ServerEvent]:
        index = len(self.items) - 1
        self.items[index] = item
        if self.response.conversation_id is not None:
            yield server.ConversationItemDone(previous_item_id=self._previous, item=item)
        yield response.ResponseOutputItemDone(response_id=self.response.id, output_index=index, item=item)
        self._previous = item.id

    def _say(self) -> Iterator[server.ServerEvent]:
        item = Message(role="assistant", content=(), status="in_progress")
        yield from self._begin_item(item)
        place = self._place(content_index=0)
        part = response.AudioPart() if self._spoken else response.TextPart()
        yield response.ResponseContentPartAdded(**place, part=part)
        for token in self._reply.pieces():
            self._text += token
            self._tokens = replace(self._tokens, text_tokens=self._tokens.text_tokens + 1)
            if not self._spoken:
                yield response.ResponseOutputTextDelta(**place, delta=token)
                continue
            yield response.ResponseOutputAudioTranscriptDelta(**place, delta=token)
            for audio in self._sound(token):
                size = self._form.rate * self._form.sample_size
                before = self.milliseconds.get(item.id, 0)
                self.milliseconds[item.id] = before + round(1000 * len(audio) / size)
                yield response.ResponseOutputAudioDelta(**place, delta=audio)
        spoken = sum(self.milliseconds.values()) / 1000
        self._tokens = replace(self._tokens, audio_tokens=round(spoken * TOKENS_PER_SECOND))
        yield from self._end_message(item, "completed")

    def _sound(self, text: str) -> list[bytes]:
        voice = name_of_voice(self._session.audio.output.voice)
        rate = self._form.rate
        pcm = tone(text, voice, rate, self._session.audio.output.speed)
        return [self._form.encode(int16_from_bytes(piece)) for piece in pieces(pcm, rate)]

    def _end_message(self, item: Message, status: Status) -> Iterator[server.ServerEvent]:
        place, text = self._place(content_index=0), self._text
        if self._spoken:
            yield response.ResponseOutputAudioDone(**place)
            yield response.ResponseOutputAudioTranscriptDone(**place, transcript=text)
            yield response.ResponseContentPartDone(**place, part=response.AudioPart(transcript=text))
        else:
            yield response.ResponseOutputTextDone(**place, text=text)
            yield response.ResponseContentPartDone(**place, part=response.TextPart(text=text))
        part = OutputAudio(transcript=text) if self._spoken else OutputText(text=text)
        yield from self._end_item(replace(item, content=(part,), status=status))

    def _call(self, call: ToolUse) -> Iterator[server.ServerEvent]:
        item = FunctionCall(call_id=call.id, name=call.name, arguments="", status="in_progress")
        yield from self._begin_item(item)
        place = self._place(call_id=call.id)
        for start in range(0, len(call.arguments), CALLED):
            piece = call.arguments[start : start + CALLED]
            self._tokens = replace(self._tokens, text_tokens=self._tokens.text_tokens + 1)
            yield response.ResponseFunctionCallArgumentsDelta(**place, delta=piece)
        yield response.ResponseFunctionCallArgumentsDone(**place, name=call.name, arguments=call.arguments)
        yield from self._end_item(replace(item, arguments=call.arguments, status="completed"))

    def _done(
        self, status: Literal["completed", "cancelled", "incomplete"], details: StatusDetails | None
    ) -> server.ServerEvent:
        cached = CachedTokens(text_tokens=self._reply.cached_tokens)
        inputs = replace(self._inputs, cached_tokens=self._reply.cached_tokens, cached_tokens_details=cached)
        done = replace(
            self.response,
            status=status,
            status_details=details,
            output=tuple(self.items),
            usage=usage_of(inputs, self._tokens),
        )
        return response.ResponseDone(response=done)
