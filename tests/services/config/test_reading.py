"""Files, environments and arguments become a configuration, or an error that says where the mistake is."""

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.file_secret import FileSecret
from troupe.actors.secret import Secret
from troupe.services.config import Config, ConfigError, read_config
from troupe.services.config.reading import FILE_VARIABLE

EXAMPLE = """
[server]
api_keys = ["env:TROUPE_API_KEYS"]          # none: open on loopback only, refuses to bind elsewhere
[voice]
stt = ["deepgram/nova-3", "whisper"]        # a list is a fallback chain
llm = ["openai/gpt-4o-mini", "ollama/llama3.2"]
tts = ["elevenlabs/eleven_flash_v2_5", "espeak"]
[providers.openai]
base_url = "http://127.0.0.1:9999/v1"       # any OpenAI-compatible endpoint
api_key = "env:OPENAI_API_KEY"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "troupe.toml"


def test_nothing_is_all_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config, source = read_config()
    assert config == Config()
    assert (source.file, source.variables, source.arguments) == (None, (), ())


def test_the_example(file: Path) -> None:
    file.write_text(EXAMPLE)
    config, source = read_config(file, environ={"OPENAI_API_KEY": "sk-1", "TROUPE_API_KEYS": "a, b"})
    assert config.server.api_keys == (Secret("a"), Secret("b"))
    assert config.voice.stt == ("deepgram/nova-3", "whisper")
    assert config.providers["openai"].base_url == "http://127.0.0.1:9999/v1"
    assert config.providers["openai"].api_key == Secret("sk-1")
    assert source.unset == ()
    assert "sk-1" not in repr(config)


def test_keys_that_are_not_set_are_as_if_not_given_and_told(file: Path) -> None:
    file.write_text(EXAMPLE)
    config, source = read_config(file, environ={})
    assert config.server.api_keys == ()
    assert config.providers["openai"].api_key is None
    assert source.unset == ("TROUPE_API_KEYS", "OPENAI_API_KEY")


def test_arguments_go_before_the_environment_and_that_before_the_file(file: Path) -> None:
    file.write_text('[server]\nhost = "a"\nport = 1\nworkers = 2\n[voice]\nstt = "x"')
    environ = {"TROUPE_PORT": "3", "TROUPE_WORKERS": "4", "TROUPE_LLM": "y, z/w"}
    config, source = read_config(file, environ=environ, arguments={"workers": 5, "tts": ["v"], "host": None})
    assert (config.server.host, config.server.port, config.server.workers) == ("a", 3, 5)
    assert (config.voice.stt, config.voice.llm, config.voice.tts) == (("x",), ("y", "z/w"), ("v",))
    assert str(source) == f"{file}, TROUPE_LLM, TROUPE_PORT, TROUPE_WORKERS, --workers, --tts"


def test_the_usual_file_is_found_and_another_can_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("troupe.toml").write_text("[server]\nport = 1")
    Path("other.toml").write_text("[server]\nport = 2")
    assert read_config()[0].server.port == 1
    assert read_config(environ={FILE_VARIABLE: "other.toml"})[0].server.port == 2
    assert read_config(Path("other.toml"), environ={FILE_VARIABLE: "nowhere.toml"})[0].server.port == 2


MISTAKES = [
    ("[server]\nport = 1\nprot = 2", "line 3: [server] has no key prot; did you mean port?"),
    ("[sever]", "line 1: there is no table sever; did you mean server?"),
    ("server = 3", "line 1: server is a table: [server]"),
    ("[voice]\n\nstt = 1", "line 3: stt: expected str, got int"),
    ("[server]\nport = 'x'", "line 2: port: expected int, got str"),
    ("[server]\nport = 70000", "line 2: port: expected int <= 65535"),
    ("[server.limits]\nmax_sesions = 1", "line 2: [server.limits] has no key max_sesions; did you mean max_sessions?"),
    ("server.limits.max_sessions = 0", "line 1: max_sessions: expected int >= 1"),
    ("[providers.openai]\nbase_url = 'localhost:1'", "line 1: openai: base_url is an address like http://"),
    ("[providers.openai]\nbase_url = 'http://me:pw@host'", "line 1: openai: base_url is an address without a user"),
    ("[providers.openai]\napi_key = 'two words'", "line 2: api_key: a key consists of visible ASCII characters"),
    ("[providers.openai]\napi_key = 12", 'line 2: api_key: a key is a string, best one like "env:NAME"'),
    ("[providers.openai]\napi_key = 'env:'", "line 2: api_key: after env: comes the name of an environment variable"),
    ("[providers.openai]\nbase_url = 'env:NOT_SET'", "line 2: base_url: the environment variable NOT_SET is not set"),
    ("[providers.openai]\nvioce = 'x'", "line 2: [providers.openai] has no key vioce; did you mean voice?"),
    ("[providers.opnai]\napi_key = 'x'", "line 1: what is opnai? Did you mean openai? Or give its base_url"),
    ("[providers.x]\nkind = 'opnai'", "line 2: there is no kind opnai; did you mean openai?"),
    ("[providers.'a/b']\nbase_url = 'x'", "line 1: a provider's name has no slash: a/b"),
    ("[voice]\nstt = x", "line 2: this is not TOML: Invalid value"),
    ("[voice]\nstt = ", "at its end: this is not TOML: Invalid value"),
]


@pytest.mark.parametrize(("text", "told"), MISTAKES, ids=[told for _, told in MISTAKES])
def test_mistakes_in_the_file_are_told_with_their_line(file: Path, text: str, told: str) -> None:
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        read_config(file, environ={})
    assert str(caught.value).startswith(f"{file}, {told}")
    assert "pw" not in str(caught.value)
    assert "two words" not in str(caught.value)


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"TROUPE_PORT": "many"}, "TROUPE_PORT: port: expected int, got str"),
        ({"TROUPE_API_KEY": "sk"}, "TROUPE_API_KEY: there is no such variable; did you mean TROUPE_API_KEYS?"),
        ({"TROUPE_API_KEYS": "sk, two words"}, "TROUPE_API_KEYS: api_keys: a key consists of visible ASCII characters"),
        ({FILE_VARIABLE: "/nowhere/troupe.toml"}, "/nowhere/troupe.toml: can't be read: No such file or directory"),
    ],
)
def test_mistakes_in_the_environment_name_the_variable(environ: dict[str, str], told: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_config(environ=environ)
    assert str(caught.value).startswith(told)


def test_other_peoples_variables_are_left_alone() -> None:
    assert read_config(environ={"TROUPE_SERVICE_HOST": "10.0.0.1", "TROUPE_MODELS": "/models"})[0] == Config()


def test_mistakes_in_arguments_name_the_argument() -> None:
    with pytest.raises(ConfigError, match=r"^--port: port: expected int <= 65535"):
        read_config(arguments={"port": 70000})


@given(st.binary(max_size=200))
def test_any_file_is_read_or_refused(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "any.toml"
        file.write_bytes(data)
        with suppress(ConfigError):
            read_config(file)


def test_a_providers_key_may_be_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-1\n")
    file = tmp_path / "troupe.toml"
    file.write_text(f"[providers.openai]\napi_key = 'file:{tmp_path}/key'\n")
    key = read_config(file)[0].providers["openai"].api_key
    assert isinstance(key, FileSecret)
    assert key.reveal() == "sk-1"
    for text, told in (("", "is empty"), ("two keys", "a key consists of visible")):
        (tmp_path / "key").write_text(text)
        with pytest.raises(ConfigError, match=f"line 2: api_key: .*{told}") as caught:
            read_config(file)
        assert "two keys" not in str(caught.value)
    (tmp_path / "key").unlink()
    with pytest.raises(ConfigError, match=r"line 2: api_key: .*key can't be read: No such file"):
        read_config(file)
