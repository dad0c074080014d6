"""Chat completions as bytes: what is asked for, and what is understood of the answer, however it is cut or cut off."""

from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from troupe.actors.contracts import Ended, Generate, ImagePart, TextPart, ToolCall, ToolSpec, Turn
from troupe.actors.errors import BrokenStream, ProviderError, ProviderUnavailable
from troupe.actors.providers.openai.endpoint import Dialect
from troupe.actors.providers.openai.wire.chat import ChatDecoder, adapted, encode_chat
from troupe.actors.providers.openai.wire.options import ChatOptions
from troupe.actors.sse import SseDecoder
from troupe.services.wire.openai import Reply, ToolUse
from troupe.services.wire.openai.chat import Asked, Quirks, answer

SAID = "Grüße, 世界! 🎭 Fine."
TOOL = ToolSpec("weather", "Tells the weather.", {"type": "object"})
CONVERSATION = (
    Turn(role="system", parts=(TextPart("Be brief."),)),
    Turn(role="user", parts=(TextPart("What is this?"), ImagePart("data:image/png;base64,AA", "low"))),
    Turn(role="assistant", parts=(TextPart("Let me see."),), tool_calls=(ToolCall("call_1", "weather", "{}"),)),
    Turn(role="tool", parts=(TextPart("sunny"),), tool_call_id="call_1"),
    Turn(role="assistant", tool_calls=(ToolCall("call_2", "weather", "{}"),)),
    Turn(role="user", parts=(TextPart("And "), TextPart("now?"))),
)


def encoded(request: Generate, dialect: Dialect | None = None) -> dict[str, Any]:
    return json.decode(encode_chat(request, "gpt-x", dialect or Dialect(), ChatOptions(), "wire"))


def stream(reply: Reply, quirks: Quirks | None = None, **asked: Any) -> bytes:
    """What a server sends; a real one splits anywhere."""
    request = Asked(
        model="gpt-x",
        messages=({"role": "user", "content": "one two"},),
        stream=True,
        stream_options={"include_usage": True},
        **asked,
    )
    return b"".join(step for step in answer(request, reply, 1, quirks or Quirks()).steps if isinstance(step, bytes))


def understood(data: bytes, *cuts: int) -> tuple[str, list[ToolCall], Ended]:
    events, decoder = SseDecoder(), ChatDecoder("wire")
    text = ""
    for start, stop in pairwise((0, *cuts, len(data))):
        for event in events.push(data[start:stop]):
            text += decoder.push(event.data)
    return text, *decoder.finish()


class TestRequests:
    def test_a_conversation(self) -> None:
        assert encoded(Generate(turns=CONVERSATION))["messages"] == [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "What is this?"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA", "detail": "low"}},
                ],
            },
            {
                "role": "assistant",
                "content": "Let me see.",
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "call_1", "content": "sunny"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "call_2", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
                ],
            },
            {"role": "user", "content": "And now?"},
        ]

    def test_what_is_not_asked_for_is_left_out(self) -> None:
        assert set(encoded(Generate(turns=()))) == {"model", "messages", "stream", "stream_options"}

    @pytest.mark.parametrize(
        ("dialect", "name"),
        [(Dialect(), "max_completion_tokens"), (Dialect(limits=("max_tokens",)), "max_tokens")],
    )
    def test_the_limit_has_the_name_that_the_server_knows(self, dialect: Dialect, name: str) -> None:
        body = encoded(Generate(turns=(), max_tokens=7, temperature=0.5), dialect)
        assert body[name] == 7
        assert body["temperature"] == 0.5

    def test_a_dialect_without_temperature_and_usage(self) -> None:
        body = encoded(Generate(turns=(), temperature=0.5), Dialect(temperature=False, usage=False))
        assert set(body) == {"model", "messages", "stream"}

    @pytest.mark.parametrize(
        ("choice", "expected"),
        [("auto", "auto"), ("none", "none"), ("weather", {"type": "function", "function": {"name": "weather"}})],
    )
    def test_tools(self, choice: str, expected: Any) -> None:
        body = encoded(Generate(turns=(), tools=(TOOL,), tool_choice=choice))
        function = {"name": "weather", "description": "Tells the weather.", "parameters": {"type": "object"}}
        assert body["tools"] == [{"type": "function", "function": function}]
        assert body["tool_choice"] == expected

    def test_the_official_client_could_have_sent_it(self) -> None:
        pydantic = pytest.importorskip("pydantic")
        params = pytest.importorskip("openai.types.chat.completion_create_params")
        request = Generate(turns=CONVERSATION, tools=(TOOL,), tool_choice="weather", max_tokens=7, temperature=0.5)
        body = encoded(request)
        checked = pydantic.TypeAdapter(params.CompletionCreateParamsStreaming).validate_python(body)
        assert set(checked) == set(body)


class TestAdapting:
    def test_what_is_refused_is_left_out_once(self) -> None:
        dialect = Dialect()
        assert adapted(dialect, {"param": "temperature"}) == Dialect(temperature=False)
        assert adapted(Dialect(temperature=False), {"param": "temperature"}) is None
        assert adapted(dialect, {"param": "stream_options"}) == Dialect(usage=False)

    def test_a_limit_is_called_otherwise_but_never_dropped(self) -> None:
        other = adapted(Dialect(), {"param": "max_completion_tokens"})
        assert other == Dialect(limits=("max_tokens",))
        assert adapted(other, {"param": "max_tokens"}) is None

    @pytest.mark.parametrize("details", [{}, {"param": "messages"}, {"param": "max_tokens"}])
    def test_other_mistakes_are_the_callers(self, details: dict[str, Any]) -> None:
        assert adapted(Dialect(), details) is None


class TestAnswers:
    def test_text_and_usage(self) -> None:
        text, calls, ended = understood(stream(Reply(text=SAID, cached_tokens=1)))
        assert (text, calls) == (SAID, [])
        assert ended == Ended("stop", input_tokens=2, output_tokens=4, cached_tokens=1)

    @pytest.mark.parametrize("quirks", [Quirks(usage_with_finish=True), Quirks(done=False)])
    def test_other_servers_ways_to_end(self, quirks: Quirks) -> None:
        text, _, ended = understood(stream(Reply(text=SAID), quirks))
        assert (text, ended.reason, ended.output_tokens) == (SAID, "stop", 4)

    @given(cuts=st.sets(st.integers(0, 1500), max_size=30))
    def test_pieces_of_any_size_give_the_same(self, cuts: set[int]) -> None:
        data = stream(Reply(text=SAID, tool_calls=(ToolUse("f", '{"a": "é"}'),)))
        assert understood(data, *sorted(cut for cut in cuts if cut < len(data))) == understood(data)
        assert understood(data)[0] == SAID

    def test_single_bytes(self) -> None:
        data = stream(Reply(text=SAID))
        assert understood(data, *range(1, len(data)))[0] == SAID

    @pytest.mark.parametrize("reply", [Reply(text=SAID), Reply(tool_calls=(ToolUse("f", '{"a": 1}'),))])
    def test_a_stream_that_ends_at_any_byte_is_broken_or_complete(self, reply: Reply) -> None:
        data = stream(reply)
        whole = understood(data)
        finished = data.index(b"\n\n", data.index(b'"finish_reason":"' + reply.reason.encode())) + 2
        for size in range(len(data)):
            if size < finished:
                with pytest.raises(BrokenStream, match="ended before the answer did"):
                    understood(data[:size])
            else:
                text, calls, ended = understood(data[:size])
                assert (text, calls, ended.reason) == (whole[0], whole[1], whole[2].reason)

    def test_the_text_before_the_end_is_what_came(self) -> None:
        data = stream(Reply(text=SAID))
        for size in range(len(data)):
            events, decoder = SseDecoder(), ChatDecoder("wire")
            text = "".join(decoder.push(event.data) for event in events.push(data[:size]))
            assert SAID.startswith(text)

    def test_tool_calls_are_assembled(self) -> None:
        calls = (ToolUse("weather", '{"city": "Köln", "days": 3}', "call_a"), ToolUse("time", "{}", "call_b"))
        text, got, ended = understood(stream(Reply(text="One moment.", tool_calls=calls)))
        assert text == "One moment."
        assert [(call.id, call.name, call.arguments) for call in got] == [
            (call.id, call.name, call.arguments) for call in calls
        ]
        assert ended.reason == "tool_calls"


def heard(*chunks: Any) -> tuple[str, list[ToolCall], Ended]:
    decoder = ChatDecoder("wire")
    return "".join(decoder.push(json.encode(chunk)) for chunk in chunks), *decoder.finish()


def delta(finish: str | None = None, index: int = 0, **members: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": members, "finish_reason": finish}]}


def tool(**members: Any) -> dict[str, Any]:
    return delta(tool_calls=[members])


class TestDialects:
    def test_calls_without_an_index(self) -> None:
        _, calls, _ = heard(
            tool(id="a", function={"name": "f", "arguments": "{"}),
            tool(function={"arguments": "}"}),
            tool(id="b", function={"name": "g", "arguments": "{}"}),
            delta("tool_calls"),
        )
        assert calls == [ToolCall("a", "f", "{}"), ToolCall("b", "g", "{}")]

    def test_calls_that_all_have_the_same_index(self) -> None:
        _, calls, _ = heard(
            tool(index=0, id="a", function={"name": "f", "arguments": "{}"}),
            tool(index=0, id="b", function={"name": "g", "arguments": '{"x"'}),
            tool(index=0, function={"arguments": ":1}"}),
            delta("stop"),
        )
        assert calls == [ToolCall("a", "f", "{}"), ToolCall("b", "g", '{"x":1}')]

    def test_a_call_without_id_or_arguments(self) -> None:
        assert heard(tool(index=0, function={"name": "f"}), delta("stop"))[1] == [ToolCall("call_0", "f", "{}")]

    def test_a_forced_call_ends_with_an_ordinary_stop(self) -> None:
        assert heard(tool(index=0, id="a", function={"name": "f"}), delta("stop"))[2].reason == "tool_calls"

    def test_a_call_that_the_limit_cut_is_no_call(self) -> None:
        _, calls, ended = heard(
            tool(index=0, id="a", function={"name": "f", "arguments": "{}"}),
            tool(index=1, id="b", function={"name": "g", "arguments": '{"x'}),
            delta("length"),
        )
        assert (calls, ended.reason) == ([ToolCall("a", "f", "{}")], "length")

    @pytest.mark.parametrize(
        ("theirs", "ours"),
        [
            *(("length", "length"), ("content_filter", "content_filter"), ("function_call", "tool_calls")),
            *(("eos", "stop"), ("stop", "stop")),
        ],
    )
    def test_reasons(self, theirs: str, ours: str) -> None:
        assert heard(delta(theirs, content="a"))[2].reason == ours

    def test_what_is_not_known_and_nulls_do_no_harm(self) -> None:
        text, _, ended = heard(
            {"choices": None, "x_groq": {"id": 1}, "usage": None},
            {"object": "ping"},
            {"choices": [{"index": 0, "delta": None, "finish_reason": None}]},
            delta(role="assistant", content=None, tool_calls=None, reasoning_content="hm"),
            delta(content="a", refusal=None),
            delta(content="other", index=1),
            delta(refusal="I can't."),
            {**delta("stop"), "usage": {"prompt_tokens": 3, "completion_tokens": None, "prompt_tokens_details": None}},
        )
        assert (text, ended) == ("aI can't.", Ended("stop", input_tokens=3))

    def test_a_done_without_a_reason_is_an_end(self) -> None:
        decoder = ChatDecoder("wire")
        assert decoder.push(json.encode(delta(content="a"))) == "a"
        decoder.push(b"[DONE]")
        assert decoder.done
        assert decoder.finish()[1].reason == "stop"

    @pytest.mark.parametrize(
        "chunks", [[], [{"choices": []}], [delta(content="a")], [delta("error", content="a")], [{"usage": {}}]]
    )
    def test_what_is_no_end(self, chunks: list[Any]) -> None:
        with pytest.raises(BrokenStream):
            heard(*chunks)

    def test_a_success_that_says_nothing_at_all_is_broken(self) -> None:
        decoder = ChatDecoder("wire")
        decoder.push(b"[DONE]")
        with pytest.raises(BrokenStream):
            decoder.finish()

    @pytest.mark.parametrize(
        "data", [b"", b"{", b"7", b'{"choices": 3}', b"\xff", b'{"choices":[{"delta":{"content":1}}]}']
    )
    def test_garbage(self, data: bytes) -> None:
        with pytest.raises(BrokenStream, match="makes no sense"):
            ChatDecoder("wire").push(data)

    def test_an_error_in_the_middle(self) -> None:
        with pytest.raises(ProviderUnavailable):
            heard(delta(content="a"), {"error": {"message": "private", "type": "server_error"}})

    @given(data=st.binary(max_size=40) | st.text('{}[]":,choicesdelta0 ', max_size=40).map(str.encode))
    def test_no_bytes_get_more_out_of_it_than_an_error_of_ours(self, data: bytes) -> None:
        decoder = ChatDecoder("wire")
        with suppress(ProviderError):
            decoder.push(data)
            decoder.finish()
