"""What is known of providers before anybody speaks, from servers that answer, refuse, stall and are not there."""

import socket

import pytest
from anyio import run, to_thread
from msgspec.structs import replace
from troupe.actors.secret import Secret
from troupe.services.choice import Choice, choose
from troupe.services.config import Config
from troupe.services.config.schema import Voice
from troupe.services.health import Health, check
from troupe.services.kinds import function
from troupe.services.kinds.openai import Table
from troupe.services.kinds.registry import KINDS
from troupe.services.wire import Late, Refuse
from troupe.services.wire.openai import OpenAiWire

pytestmark = pytest.mark.real_time

MODELS = "/v1/models"


def choice(base_url: str, model: str = "gpt-4o-mini", key: str = "sk-right") -> Choice:
    table = Table(base_url=base_url, api_key=Secret(key) if key else None)
    voice = Voice(stt=("pocketsphinx",), llm=(f"openai/{model}", "demonstration"), tts=("openai/tts-1",))
    return choose(Config(voice=voice, providers={"openai": table}), {})


async def health(of: Choice, patience: float = 2.0) -> Health:
    known = await check(of, patience)
    assert known["providers/pocketsphinx/stt"] == known["providers/demonstration/llm"] == Health("ready")
    return known["providers/openai/llm"]


@pytest.fixture
def wire() -> OpenAiWire:
    with OpenAiWire(keys=("sk-right",), models=("gpt-4o-mini", "tts-1", "llama3.2:latest")) as wire:
        yield wire


async def test_what_is_there_is_ready_and_asked_once_for_all_its_parts(wire: OpenAiWire) -> None:
    assert await health(await to_thread.run_sync(choice, wire.base_url)) == Health("ready")
    assert [exchange.path for exchange in wire.exchanges] == [MODELS]


@pytest.mark.parametrize(
    ("model", "key", "expected"),
    [
        ("llama3.2", "sk-right", Health("ready")),
        ("gpt-4o-mni", "sk-right", Health("doubtful", "it has no model gpt-4o-mni; did you mean gpt-4o-mini?")),
        ("gpt-4o-mini", "sk-wrong", Health("refused", "the key was refused (HTTP 401 invalid_api_key)")),
        (
            "gpt-4o-mini",
            "",
            Health("refused", "it wants a key (HTTP 401 invalid_request_error): set api_key in [providers.openai]"),
        ),
    ],
)
def test_keys_and_models_are_looked_at(wire: OpenAiWire, model: str, key: str, expected: Health) -> None:
    assert run(health, choice(wire.base_url, model, key)) == expected


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Refuse(429, "insufficient_quota"), Health("refused", "its credit is used up (HTTP 429 insufficient_quota)")),
        (Refuse(404), Health("not asked")),
        (Late(), Health("doubtful", "no answer within 0.2 s")),
    ],
)
def test_what_goes_wrong_is_told(wire: OpenAiWire, fault: Refuse | Late, expected: Health) -> None:
    wire.fail(MODELS, fault)
    assert run(health, choice(wire.base_url), 0.2) == expected


def test_nobody_is_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
    assert run(health, choice(address)).state == "doubtful"


async def test_what_is_in_this_program_is_not_asked_and_what_does_not_start_stops_nobody(
    wire: OpenAiWire, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = function.Table(kind="function", function="no_such_module:f")
    broken = replace(KINDS["function"], name="broken", named_only=False, module="function")
    monkeypatch.setitem(KINDS, "broken", broken)
    config = Config(
        voice=Voice(stt=("pocketsphinx",), llm=("own", "broken", "openai/gpt-4o-mini"), tts=("espeak",)),
        providers={
            "own": own,
            "broken": replace(own, kind="broken"),
            "openai": Table(base_url=wire.base_url, api_key=Secret("sk-right")),
        },
    )
    known = await check(await to_thread.run_sync(choose, config, {}), 2.0)
    assert known["providers/own/llm"] == Health("ready")
    assert known["providers/broken/llm"] == Health("not asked")
    assert known["providers/openai/llm"] == Health("ready")
