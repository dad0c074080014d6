"""A configuration names a language model, and its actor answers as the configuration says."""

from typing import Any

import pytest
from language_models import ECHO, LanguageModel, answered, language_models, text_of
from troupe.actors.http import HttpClient
from troupe.runtime import open_system
from troupe.services.choice import Link, choose
from troupe.services.config import ConfigError, read_config
from troupe.services.kinds.kind import Setup
from troupe.services.wire.replies import ModelWire

OPTIONS = {
    "openai": ("reasoning_effort = 'low'", {"reasoning_effort": "low"}),
    "anthropic": ("thinking = 1024", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
    "ollama": ("keep_alive = '5m'", {"keep_alive": "5m"}),
    "openrouter": ("provider = {only = ['groq']}", {"provider": {"only": ["groq"]}}),
    "together": ("top_k = 3", {"top_k": 3}),
}
"""For each provider what may stand in its table of options, and what becomes of it in a request."""


@pytest.fixture(scope="module", params=language_models(), ids=str)
def served(request: pytest.FixtureRequest) -> Any:
    with request.param.wire() as wire:
        yield request.param, wire


@pytest.fixture
def link(served: tuple[LanguageModel, ModelWire], tmp_path: Any) -> Link:
    model, wire = served
    address = wire.url + ("/v1" if model.name == "ollama" else model.path.removesuffix("/chat/completions"))
    file = tmp_path / "troupe.toml"
    file.write_text(
        f"[voice]\nllm = 'mine/some/model'\n"
        f"[providers.mine]\nkind = '{model.name}'\napi_key = 'k'\nbase_url = '{address.removesuffix('/v1/messages')}'\n"
        f"headers = {{x-more = '1'}}\n[providers.mine.options]\n{OPTIONS[model.name][0]}\n"
    )
    return choose(read_config(file)[0], {}, tmp_path).chain("llm")[0]


@pytest.mark.real_time
async def test_a_table_makes_an_actor_that_does_what_it_says(
    served: tuple[LanguageModel, ModelWire], link: Link
) -> None:
    model, wire = served
    async with HttpClient.open() as http:
        setup: Setup[Any] = Setup(
            kind=link.kind,
            provider=link.provider,
            actor="llm",
            table=link.table,
            key=link.key,
            model=link.model,
            http=http,
        )
        async with open_system(link.kind.maker("llm")(setup)) as system:
            assert text_of(await answered(system.ref("llm"))) == ECHO
    request = wire.last(model.path)
    assert request.headers["x-more"] == "1"
    assert "k" in {request.headers.get("x-api-key"), request.headers.get("authorization", "").removeprefix("Bearer ")}
    assert {"model": "some/model", **OPTIONS[model.name][1]}.items() <= request.json().items()


@pytest.mark.parametrize(
    ("kind", "options", "problem"),
    [
        ("anthropic", "temperature = 1.5", r"temperature: expected float <= 1"),
        ("anthropic", "thinking = 4096", r"options: thinking: 4096 tokens are not less than max_tokens"),
        ("ollama", "num_ctxt = 1", r"\[providers.ollama.options\] has no key num_ctxt; did you mean num_ctx\?"),
        ("openrouter", "provider = {sort = 'cheap'}", r"provider: invalid enum value 'cheap'"),
    ],
)
def test_a_mistake_is_told_with_its_place(tmp_path: Any, kind: str, options: str, problem: str) -> None:
    file = tmp_path / "troupe.toml"
    file.write_text(f"[providers.{kind}.options]\n{options}\n")
    with pytest.raises(ConfigError, match=problem):
        read_config(file)


def test_claude_is_chosen_where_its_key_is(tmp_path: Any) -> None:
    names = [link.name for link in choose(read_config()[0], {"ANTHROPIC_API_KEY": "k"}, tmp_path).chain("llm")]
    assert names[0].startswith("anthropic/claude-")
