"""Who takes which part: as configured, and where nothing is, by what there is."""

from pathlib import Path

import pytest
from troupe.actors.inference.catalogue import ENGINES
from troupe.actors.secret import Secret
from troupe.services.choice import Choice, catalogue, choose
from troupe.services.config import Config, ConfigError, read_config
from troupe.services.voice import router


def chosen(choice: Choice) -> dict[str, list[str]]:
    return {part: [link.name for link in choice.chain(part)] for part in ("stt", "llm", "tts")}


def configured(tmp_path: Path, text: str, environ: dict[str, str] | None = None) -> Config:
    file = tmp_path / "troupe.toml"
    file.write_text(text)
    return read_config(file, environ=environ)[0]


EMBEDDED = {"stt": ["pocketsphinx"], "llm": ["demonstration"], "tts": ["espeak"]}


def test_with_nothing_the_embedded_providers_do_it(tmp_path: Path) -> None:
    choice = choose(Config(), {}, tmp_path)
    assert chosen(choice) == EMBEDDED
    assert choice.omissions == ()


def test_a_key_that_is_set_is_used_and_the_embedded_ones_come_last(tmp_path: Path) -> None:
    choice = choose(Config(), {"OPENAI_API_KEY": " sk-1\n"}, tmp_path)
    assert chosen(choice) == {
        "stt": ["openai/gpt-4o-mini-transcribe", "pocketsphinx"],
        "llm": ["openai/gpt-4o-mini", "demonstration"],
        "tts": ["openai/gpt-4o-mini-tts", "espeak"],
    }
    first = choice.chain("llm")[0]
    assert (first.why, first.key) == ("OPENAI_API_KEY is set", Secret("sk-1"))


def test_the_best_installed_engine_goes_before_the_embedded_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("troupe.actors.inference.catalogue.find_spec", lambda _name: object())
    for name in ("moonshine-tiny", "moonshine-small", "kokoro-int8"):
        for file in ENGINES[name].files:
            (tmp_path / name).mkdir(exist_ok=True)
            (tmp_path / name / file.name).touch()
    assert chosen(choose(Config(), {}, tmp_path)) == {
        "stt": ["moonshine-small", "pocketsphinx"],
        "llm": ["demonstration"],
        "tts": ["kokoro-int8", "espeak"],
    }


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("troupe.actors.inference.catalogue.find_spec", lambda _name: None)
    with pytest.raises(ConfigError, match=r"\[voice\] stt: nobody can take(.|\n)*pip install 'troupe\[embedded\]'"):
        choose(Config(), {}, tmp_path)


def test_parts_that_are_not_configured_are_chosen(tmp_path: Path) -> None:
    config = configured(tmp_path, "[voice]\nllm = 'mine/big'\n[providers.mine]\nbase_url = 'http://127.0.0.1:1/v1'")
    choice = choose(config, {"OPENAI_API_KEY": "sk-1"}, tmp_path)
    assert chosen(choice)["llm"] == ["mine/big"]
    assert chosen(choice)["tts"] == ["openai/gpt-4o-mini-tts", "espeak"]
    assert choice.chain("llm")[0].kind.name == "openai"


def test_a_model_may_have_slashes(tmp_path: Path) -> None:
    config = configured(tmp_path, "[voice]\nllm = 'openrouter/meta/llama'")
    link = choose(config, {"OPENROUTER_API_KEY": "sk"}, tmp_path).chain("llm")[0]
    assert (link.provider, link.model) == ("openrouter", "meta/llama")


def test_who_has_no_key_is_left_out_while_there_is_somebody_else(tmp_path: Path) -> None:
    config = configured(tmp_path, "[voice]\nllm = ['openai', 'demonstration']\ntts = ['kokoro', 'espeak']")
    choice = choose(config, {}, tmp_path)
    assert chosen(choice)["llm"] == ["demonstration"]
    assert {omission.name: omission.why for omission in choice.omissions} == {
        "openai": "no key: set OPENAI_API_KEY, or api_key in [providers.openai]",
        "kokoro": "its model is not here: troupe models pull kokoro",
    }
    config = configured(tmp_path, "[voice]\nllm = 'openai'")
    with pytest.raises(ConfigError, match=r"\[voice\] llm: nobody can take the part llm(.|\n)*set OPENAI_API_KEY"):
        choose(config, {}, tmp_path)


def test_a_key_is_not_sent_to_another_address_unless_told_so(tmp_path: Path) -> None:
    address = "[providers.openai]\nbase_url = 'http://127.0.0.1:9/v1'\n"
    environ = {"OPENAI_API_KEY": "sk-1"}
    assert choose(configured(tmp_path, address), environ, tmp_path).chain("llm")[0].key is None
    told = configured(tmp_path, address + "api_key = 'env:OPENAI_API_KEY'", environ)
    assert choose(told, environ, tmp_path).chain("llm")[0].key == Secret("sk-1")


def test_a_table_makes_a_provider_of_use_that_takes_no_key(tmp_path: Path) -> None:
    config = configured(tmp_path, "[providers.whisper]\nbase_url = 'http://127.0.0.1:9/v1'")
    choice = choose(config, {}, tmp_path)
    assert chosen(choice) == EMBEDDED | {"stt": ["whisper/Systran/faster-whisper-small", "pocketsphinx"]}


def test_a_name_may_be_taken_by_another_kind(tmp_path: Path) -> None:
    text = "[voice]\ntts = 'kokoro/tts-1'\n[providers.kokoro]\nkind = 'openai'\nbase_url = 'http://127.0.0.1:8880/v1'"
    choice = choose(configured(tmp_path, text), {}, tmp_path)
    assert chosen(choice)["tts"] == ["kokoro/tts-1"]


@pytest.mark.parametrize(
    ("voice", "told"),
    [
        ("llm = 'opnai'", "[voice] llm: there is no provider opnai; did you mean openai? A server"),
        ("stt = 'espeak'", "[voice] stt: espeak has no speech to text; there are deepgram, elevenlabs, "),
        ("tts = 'espeak/loud'", "[voice] tts: espeak is one model; name it without /loud"),
        ("llm = 'vllm'", "[voice] llm: vllm has no model of its own choice: write vllm/MODEL"),
    ],
)
def test_mistakes_say_what_to_write(tmp_path: Path, voice: str, told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        choose(configured(tmp_path, f"[voice]\n{voice}"), {}, tmp_path)
    assert str(caught.value).startswith(told)


def test_a_key_that_can_not_be_one_is_told_by_its_variable(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^OPENAI_API_KEY: a key consists of") as caught:
        choose(Config(), {"OPENAI_API_KEY": "my key"}, tmp_path)
    assert "my key" not in str(caught.value)


WISHES = """
[voice]
llm = ["cheapest:text-generation?locality=network", "fastest:text-generation"]
[providers.dear]
base_url = "http://10.0.0.2/v1"
models = { llm = ["m"] }
prices = { m = { input = 2, output = 2 } }
[providers.cheap]
base_url = "http://10.0.0.3/v1"
models = { llm = ["m", "n"] }
prices = { m = { input = 1, output = 1 } }
"""


def test_a_wish_is_a_chain_of_all_that_fit(tmp_path: Path) -> None:
    choice = choose(configured(tmp_path, WISHES), {"OPENAI_API_KEY": "k"}, tmp_path)
    links = choice.chain("llm")
    assert [(link.name, link.flexible) for link in links] == [
        ("cheap/m", False),
        ("dear/m", False),
        ("cheap/n", False),
        *((name, True) for name in ("dear/m", "cheap/m", "cheap/n", "openai/gpt-4o-mini", "demonstration")),
    ]
    assert links[0].why == "cheapest:text-generation?locality=network"
    omitted = {omission.name: omission.why for omission in choice.omissions}
    assert omitted["anthropic/claude-haiku-5-5"].startswith("no key: set ANTHROPIC_API_KEY")


def test_a_wish_that_nobody_fulfils(tmp_path: Path) -> None:
    config = configured(tmp_path, "[voice]\nllm = 'any:text-generation?region=moon'")
    with pytest.raises(ConfigError, match=r"any:text-generation\?region=moon: nobody who is known here is like that"):
        choose(config, {}, tmp_path)
    config = configured(tmp_path, "[voice]\nllm = 'any:text-to-speech'")
    with pytest.raises(ConfigError, match=r"\[voice\] llm: text-to-speech is not what language model is"):
        choose(config, {}, tmp_path)


def test_the_catalogue_has_also_those_that_lack_something(tmp_path: Path) -> None:
    problems = {
        model.name: model.problem for model in catalogue(Config(), {"OPENAI_API_KEY": "k"}, tmp_path) if model.problem
    }
    assert "openai/gpt-4o-mini" not in problems
    assert problems["deepgram/nova-3"].startswith("no key: set DEEPGRAM_API_KEY")
    assert problems["whisper/Systran/faster-whisper-small"].startswith("nobody said that it is there")
    assert problems["kokoro"] == "its model is not here: troupe models pull kokoro"


def test_a_function_is_taken_where_it_is_named_only(tmp_path: Path) -> None:
    table = "[providers.function]\nkind = 'function'\nfunction = 'json:dumps'\n"
    choice = choose(configured(tmp_path, table), {}, tmp_path)
    assert chosen(choice) == EMBEDDED
    choice = choose(configured(tmp_path, f"[voice]\nllm = 'function'\n{table}"), {}, tmp_path)
    assert chosen(choice) == EMBEDDED | {"llm": ["function"]}


def test_whoever_is_wished_for_by_speed_changes_places_in_the_router(tmp_path: Path) -> None:
    choice = choose(configured(tmp_path, WISHES), {}, tmp_path)
    chain = router(choice, "llm").arguments[0]
    assert [(provider.path, provider.flexible) for provider in chain[:4]] == [
        ("providers/cheap/llm", False),
        ("providers/dear/llm", False),
        ("providers/cheap/llm", False),
        ("providers/dear/llm", True),
    ]
    assert [provider.models["*"] for provider in chain[:3]] == ["m", "m", "n"]


def test_a_model_that_takes_all_parts_is_taken_only_where_it_is_named(tmp_path: Path) -> None:
    environ = {"OPENAI_API_KEY": "sk-1"}
    assert choose(Config(), environ, tmp_path).chain("realtime") == ()
    config = configured(tmp_path, '[voice]\nrealtime = ["openai", "openai/gpt-realtime-1.5"]')
    choice = choose(config, environ, tmp_path)
    assert [link.name for link in choice.chain("realtime")] == [
        "openai/gpt-realtime-2.1-mini",
        "openai/gpt-realtime-1.5",
    ]
    assert choice.parts == ("realtime", "stt", "llm", "tts")
    assert choice.chain("realtime")[0].path == "providers/openai/realtime"
    with pytest.raises(ConfigError, match=r"\[voice\] realtime: nobody can take the part realtime(.|\n)*no key"):
        choose(config, {}, tmp_path)
    with pytest.raises(ConfigError, match="espeak has no speech to speech"):
        choose(configured(tmp_path, '[voice]\nrealtime = "espeak"'), {}, tmp_path)
