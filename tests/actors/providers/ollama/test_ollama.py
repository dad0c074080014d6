"""What only Ollama has: its way of asking, embeddings, models that are fetched. The rest is in the suite for all."""

import math

import numpy as np
import pytest
from language_models import HELLO, answered, language_models, outcome, running
from msgspec import json
from msgspec.structs import replace
from sdk import official
from troupe.actors.contracts import (
    Embed,
    Ended,
    GetModel,
    GetUsage,
    ImagePart,
    ListModels,
    Model,
    PullModel,
    PullProgress,
    TextPart,
    ToolCall,
    ToolSpec,
    Turn,
    Usage,
)
from troupe.actors.errors import BrokenStream, InvalidRequest, ModelNotFound, ProviderError
from troupe.actors.providers.ollama.endpoint import PATIENCE, endpoint
from troupe.actors.providers.ollama.wire.chat import ChatDecoder, encode_chat
from troupe.actors.providers.ollama.wire.options import OllamaOptions
from troupe.services.wire import End, Fault, Refuse, Replace, Stall
from troupe.services.wire.ollama import OllamaWire
from troupe.services.wire.ollama.models import CONTEXT, SIZE
from wires import served

OLLAMA = next(model for model in language_models() if model.name == "ollama")
TOOL = ToolSpec("time", "Tells the time.")


running_wire, wire = served(OllamaWire)


class TestRequests:
    def test_a_conversation(self) -> None:
        request = replace(
            HELLO,
            turns=(
                Turn(role="user", parts=(TextPart("What is this?"), ImagePart("data:image/png;base64,AA=="))),
                Turn(role="assistant", tool_calls=(ToolCall("call_1", "time", '{"zone": "UTC"}'),)),
                Turn(role="tool", parts=(TextPart("12:00"),), tool_call_id="call_1"),
                Turn(role="assistant", tool_calls=(ToolCall("call_2", "time", "nonsense"),)),
            ),
            tools=(TOOL,),
            max_tokens=7,
            temperature=1.5,
        )
        options = OllamaOptions(keep_alive="5m", think=False, num_ctx=4096, temperature=0.1, stop=("a",))
        body = json.decode(encode_chat(request, "llama3.2", options, "ollama"))
        assert set(official("ollama._types").ChatRequest(**body).model_dump(exclude_none=True)) == set(body)
        assert body == {
            "model": "llama3.2",
            "messages": [
                {"role": "user", "content": "What is this?", "images": ["AA=="]},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [{"id": "call_1", "function": {"name": "time", "arguments": {"zone": "UTC"}}}],
                },
                {"role": "tool", "content": "12:00", "tool_call_id": "call_1", "tool_name": "time"},
                {
                    "role": "assistant",
                    "content": "",
                    "tool_calls": [
                        {"id": "call_2", "function": {"name": "time", "arguments": {"arguments": "nonsense"}}}
                    ],
                },
            ],
            "stream": True,
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "time", "description": "Tells the time.", "parameters": {"type": "object"}},
                }
            ],
            "keep_alive": "5m",
            "think": False,
            "options": {"num_ctx": 4096, "temperature": 1.5, "stop": ["a"], "num_predict": 7},
        }

    def test_what_it_can_not_do_is_said_before_it_is_asked(self) -> None:
        looking = replace(HELLO, turns=(Turn(role="user", parts=(ImagePart("https://example.org/a.png"),)),))
        with pytest.raises(InvalidRequest, match="fetches no pictures"):
            encode_chat(looking, "m", OllamaOptions(), "ollama")
        with pytest.raises(InvalidRequest, match="can't be made to call a tool"):
            encode_chat(replace(HELLO, tools=(TOOL,), tool_choice="required"), "m", OllamaOptions(), "ollama")
        silent = replace(HELLO, tools=(TOOL,), tool_choice="none")
        assert "tools" not in json.decode(encode_chat(silent, "m", OllamaOptions(), "ollama"))

    @pytest.mark.parametrize("wrong", [{"top_p": 2}, {"think": "very"}, {"num_ctx": 0}])
    def test_options_have_ranges(self, wrong: dict[str, object]) -> None:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            OllamaOptions(**wrong)

    def test_a_model_may_have_to_be_loaded_first(self) -> None:
        assert endpoint().deadlines == PATIENCE
        assert endpoint().url("/api/chat") == "http://127.0.0.1:11434/api/chat"


class TestAnswers:
    def test_calls_without_ids_and_counts_that_are_left_out(self) -> None:
        decoder = ChatDecoder("ollama")
        call = b'{"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":{"a":1}}}]}}'
        assert decoder.push(call) == decoder.push(call) == decoder.push(b'{"message":{"thinking":"Hm."}}') == ""
        assert decoder.push(b'{"message":{"content":""},"done":true,"done_reason":"stop"}') == ""
        calls, ended = decoder.finish()
        assert calls == [ToolCall("call_0", "f", '{"a":1}'), ToolCall("call_1", "f", '{"a":1}')]
        assert ended == Ended("tool_calls")


@pytest.mark.real_time
async def test_embeddings(wire: OllamaWire) -> None:
    async with running(OLLAMA, wire) as ref:
        got = await ref.ask(Embed(texts=("one two", "three"), model="nomic-embed-text", dimensions=64))
        assert await ref.ask(GetUsage()) == Usage(calls=1, input_tokens=3)
        vectors = np.frombuffer(got.vectors, "<f4").reshape(-1, got.dimensions)
        assert vectors.shape == (2, 64)
        assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1])
        for lie in (
            b'{"embeddings":[]}',
            b'{"embeddings":[[1],[1,2]]}',
            b'{"embeddings":[[],[]]}',
            b'{"embeddings":7}',
        ):
            wire.fail("/api/embed", Replace(lie))
            with pytest.raises(BrokenStream):
                await ref.ask(Embed(texts=("one", "two")))
        wire.fail("/api/embed", Refuse(404))
        with pytest.raises(ModelNotFound):
            await ref.ask(Embed(texts=("one",)))
    assert wire.exchanges[0].json() == {"model": "nomic-embed-text", "input": ["one two", "three"], "dimensions": 64}


@pytest.mark.real_time
async def test_fetching_a_model_tells_how_far_it_is(wire: OllamaWire) -> None:
    async with running(OLLAMA, wire, between=0.01) as ref:  # a fetch has its own deadlines
        wire.fail("/api/pull", Stall(2, 0.05))
        async with ref.stream(PullModel("qwen")) as lines:
            progress = [line async for line in lines]
        assert progress[0] == PullProgress(status="pulling manifest")
        assert progress[-1] == PullProgress(status="success")
        assert [line.completed for line in progress if line.total == SIZE] == [0, math.ceil(SIZE / 2) - 1, SIZE]
        failures: list[tuple[str, Fault | None, type[ProviderError]]] = [
            ("no-such-model", None, ModelNotFound),
            ("qwen", End(300), BrokenStream),
            ("qwen", Refuse(404), ModelNotFound),
        ]
        for name, fault, kind in failures:
            if fault:
                wire.fail("/api/pull", fault)
            with pytest.raises(kind):
                async with ref.stream(PullModel(name)) as lines:
                    async for _ in lines:
                        pass
        wire.fail("/api/pull", Stall(2))
        async with ref.stream(PullModel("qwen")) as lines:
            await lines.receive()
        assert await outcome(wire.last("/api/pull")) == "left"


@pytest.mark.real_time
async def test_models_and_what_they_can_do(wire: OllamaWire) -> None:
    async with running(OLLAMA, wire) as ref:
        writes, embeds = await ref.ask(ListModels())
        assert (writes.id, writes.features) == ("llama3.2:latest", ("text", "tools", "images"))
        assert embeds.features == ("embeddings",)
        assert await ref.ask(GetModel("llama3.2")) == Model(
            "llama3.2", "ollama", name="llama3.2 (3.2B)", context=CONTEXT, features=("text", "tools", "images")
        )
        wire.fail("/api/show", Refuse(404))
        with pytest.raises(ModelNotFound):
            await ref.ask(GetModel("llama9"))
        wire.fail("/api/chat", Refuse(503))
        await answered(ref)  # a busy one is asked again
