"""The official Ollama client, unmodified, takes the wire server for Ollama: every call, streams included."""

from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from sdk import ignored_members, official
from troupe.services.wire import Insert, Refuse
from troupe.services.wire.ollama import OllamaWire
from troupe.services.wire.replies import Reply, ToolUse
from wires import served

ollama = official("ollama")
MODEL = "llama3.2"
USER: Any = [{"role": "user", "content": "How are you?"}]
CALLS = (ToolUse("weather", '{"city":"Köln"}', "call_a"), ToolUse("time", "{}", "call_b"))


running_wire, wire = served(lambda: OllamaWire(models=["llama3.2:latest", "nomic-embed-text:latest"]))


@pytest.fixture(scope="module")
def client(running_wire: OllamaWire) -> Iterator[Any]:
    with ollama.Client(running_wire.base_url) as client:
        yield client


@pytest.mark.parametrize("stream", [False, True])
def test_chat(wire: OllamaWire, client: Any, stream: bool) -> None:
    wire.reply(reply=Reply(text="Fine, thank you.", thinking="Hm.", tool_calls=CALLS))
    answer = client.chat(MODEL, USER, stream=stream, think=True, options={"num_ctx": 4096}, keep_alive="5m")
    parts = list(answer) if stream else [answer]
    messages = [part.message for part in parts]
    assert "".join(message.content for message in messages) == "Fine, thank you."
    assert "".join(message.thinking or "" for message in messages) == "Hm."
    calls = [call.function for message in messages for call in message.tool_calls or ()]
    assert [(call.name, call.arguments) for call in calls] == [("weather", {"city": "Köln"}), ("time", {})]
    assert [part.done for part in parts] == [False] * (len(parts) - 1) + [True]
    assert (parts[-1].done_reason, parts[-1].prompt_eval_count) == ("stop", 3)
    assert len(parts) == (7 if stream else 1)


@pytest.mark.parametrize("stream", [False, True])
def test_generate(wire: OllamaWire, client: Any, stream: bool) -> None:
    wire.reply("Fine, thank you.")
    answer = client.generate(MODEL, "How are you?", stream=stream, options={"num_predict": 2}, images=[b"picture"])
    parts = list(answer) if stream else [answer]
    assert "".join(part.response for part in parts) == "Fine, thank"
    assert (parts[-1].done_reason, parts[-1].eval_count) == ("length", 2)


def test_loading_and_unloading(client: Any) -> None:
    assert client.generate(MODEL).done_reason == "load"
    assert client.chat(MODEL, [], keep_alive=0).done_reason == "unload"


def test_a_conversation_with_tools_and_pictures(client: Any) -> None:
    history = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is this?", "images": [b"picture"]},
        {"role": "assistant", "tool_calls": [{"function": {"name": "time", "arguments": {}}}]},
        {"role": "tool", "content": "12:00", "tool_name": "time"},
    ]
    assert client.chat(MODEL, history).message.content == "You said: What is this?"


def test_embeddings(client: Any) -> None:
    answer = client.embed("nomic-embed-text", ["one two", "three"])
    assert (len(answer.embeddings), len(answer.embeddings[0]), answer.prompt_eval_count) == (2, 768, 3)
    assert sum(number**2 for number in answer.embeddings[0]) == pytest.approx(1)
    assert client.embed("nomic-embed-text", "one two").embeddings[0] == answer.embeddings[0]
    assert len(client.embed("nomic-embed-text", "one", dimensions=64).embeddings[0]) == 64
    assert list(client.embeddings("nomic-embed-text", "three").embedding) == list(answer.embeddings[1])


def test_models(client: Any) -> None:
    assert {model.model for model in client.list().models} >= {"llama3.2:latest", "nomic-embed-text:latest"}
    assert [model.name for model in client.ps().models] == ["llama3.2:latest"]
    shown = client.show(MODEL)
    assert shown.modelinfo["llama.context_length"] == 131_072
    assert shown.capabilities == ["completion", "tools", "vision"]


def test_the_client_knows_all_that_is_told(wire: OllamaWire, client: Any) -> None:
    def raw(path: str, **body: Any) -> Any:
        return httpx2.request("POST" if body else "GET", wire.url + path, json=body or None).json()

    wire.reply(reply=Reply(text="Fine.", thinking="Hm.", tool_calls=CALLS))
    chatted = raw("/api/chat", model=MODEL, messages=USER, stream=False)
    known = {
        ".message.tool_calls.id",  # these are newer than the client
        ".message.tool_calls.function.index",
        ".models.capabilities",
        ".models.name",
    }
    for parsed, told in (
        (ollama.ChatResponse(**chatted), chatted),
        (client.generate(MODEL, "Hi"), raw("/api/generate", model=MODEL, prompt="Hi", stream=False)),
        (client.list(), raw("/api/tags")),
        (client.ps(), raw("/api/ps")),
        (client.show(MODEL), raw("/api/show", model=MODEL)),
        (client.embed(MODEL, "Hi"), raw("/api/embed", model=MODEL, input="Hi")),
    ):
        assert set(ignored_members(parsed, told)) <= known


def test_fetching_a_model(client: Any) -> None:
    with pytest.raises(ollama.ResponseError, match="model 'qwen' not found"):
        client.show("qwen")
    lines = list(client.pull("qwen", stream=True))
    assert (lines[0].status, lines[-1].status) == ("pulling manifest", "success")
    parts = [line for line in lines if line.digest]
    assert [(part.completed or 0) * 2 / part.total for part in parts] == pytest.approx([0, 0, 1, 1, 2, 2], abs=0.001)
    assert client.show("qwen")
    with pytest.raises(ollama.ResponseError, match="file does not exist"):
        list(client.pull("no-such-model", stream=True))
    with pytest.raises(ollama.ResponseError, match="file does not exist"):
        client.pull("no-such-model")


def test_an_error_in_the_middle_of_a_stream(wire: OllamaWire, client: Any) -> None:
    wire.fail("/api/chat", Insert(2, b'{"error":"boom"}\n'))
    with pytest.raises(ollama.ResponseError, match="boom"):
        list(client.chat(MODEL, USER, stream=True))


@pytest.mark.parametrize("status", [400, 401, 404, 500, 503])
def test_refusals_are_the_clients_own_errors(wire: OllamaWire, client: Any, status: int) -> None:
    wire.fail("/api/tags", Refuse(status))
    with pytest.raises(ollama.ResponseError) as caught:
        client.list()
    assert caught.value.status_code == status
    assert not caught.value.error.startswith("{")  # the client found the text


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda client: client.chat("llama9", USER), "model 'llama9' not found"),
        (lambda client: client.chat(MODEL, [{"role": "robot", "content": "a"}]), "invalid role"),
        (lambda client: client.chat(MODEL, [{"role": "user", "content": "a", "images": ["%"]}]), "base64"),
    ],
)
def test_bad_requests(client: Any, call: Callable[[Any], object], text: str) -> None:
    with pytest.raises((ollama.ResponseError, ValueError), match=text):
        call(client)


def test_what_is_not_in_the_client(wire: OllamaWire) -> None:
    assert httpx2.get(wire.url).text == "Ollama is running"
    assert httpx2.get(f"{wire.url}/api/version").json() == {"version": "0.32.15"}
    assert httpx2.post(f"{wire.url}/api/chat").json() == {"error": "missing request body"}
    assert httpx2.post(f"{wire.url}/api/chat", json={}).json() == {"error": "model is required"}
    assert httpx2.post(f"{wire.url}/api/chat", content=b"{").status_code == 400
    assert "unmarshal" in httpx2.post(f"{wire.url}/api/chat", json={"model": MODEL, "stream": 7}).json()["error"]
