"""Compose files: what is understood, what is refused by name, and the program that knows the rest."""

import json
import os
import stat
from pathlib import Path

import pytest
from anyio import to_thread
from hypothesis import given
from hypothesis import strategies as st
from troupe.services.config.errors import ConfigError
from troupe.services.docker.compose import read_compose
from troupe.services.docker.errors import Forbidden
from troupe.services.docker.interpolation import BadVariable, replaced
from troupe.services.docker.manifest import Build, Gpu, Health, Port, Volume
from troupe.services.docker.plans import make_plans

# The shape of files that AI services come with: anchors, defaults of variables, GPUs, long start periods.
REAL = """\
name: speech
x-base: &base
  restart: unless-stopped
  environment: &variables {LOG: info}
services:
  tts:
    <<: *base
    build: {context: .., dockerfile: docker/Dockerfile.gpu, args: [CUDA=12]}
    container_name: tts
    command: python -m server --port "${PORT:-4123}"
    environment:
      <<: *variables
      DEVICE: ${DEVICE:-cuda}
      EXAGGERATION: 0.5
    ports: ["${PORT:-4123}:4123", "127.0.0.1:9000-9001:9000-9001/udp"]
    volumes: [cache:/cache, ./voices:/voices:ro]
    healthcheck:
      test: [CMD, curl, -f, "http://localhost:4123/health"]
      interval: 30s
      timeout: 10s
      retries: 3
      start_period: 300s
    deploy:
      resources:
        limits: {memory: 8g, cpus: "2.5"}
        reservations:
          devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]
    depends_on:
      store: {condition: service_healthy}
    stop_grace_period: 1m30s
  store:
    image: redis:7
    healthcheck: {test: redis-cli ping, interval: 500ms}
volumes:
  cache:
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "compose.yaml"
    file.write_text(text)
    return file


def one(folder: Path, lines: str, variables: dict[str, str] | None = None):
    text = "services:\n  a:\n    image: x\n" + "".join(f"    {line}\n" for line in lines.splitlines())
    (plan,) = read_compose(write(folder, text), "a", variables or {})
    return plan


def test_real_file(tmp_path: Path) -> None:
    store, tts = read_compose(write(tmp_path, REAL), "tts", {"DEVICE": "cpu"})
    assert store.service == "store"
    assert store.health == Health(command=("/bin/sh", "-c", "redis-cli ping"), interval=0.5, timeout=30, retries=3)  # type: ignore[arg-type]
    assert (store.network, store.aliases) == ("speech_default", ("store",))
    assert tts.build == Build(context="..", dockerfile="docker/Dockerfile.gpu", args={"CUDA": "12"})
    assert tts.image == "speech-tts"
    assert tts.command == ("python", "-m", "server", "--port", "4123")
    assert tts.environment == {"LOG": "info", "DEVICE": "cpu", "EXAGGERATION": "0.5"}
    assert tts.ports == {
        "4123": Port(container=4123, host=4123),
        "9000/udp": Port(container=9000, host=9000, protocol="udp"),
        "9001/udp": Port(container=9001, host=9001, protocol="udp"),
    }
    assert tts.volumes == (
        Volume(path="/cache", name="speech_cache"),
        Volume(path="/voices", folder="voices", read_only=True),
    )
    assert tts.requirements.gpus == Gpu(count=1, driver="nvidia")
    assert (tts.requirements.memory, tts.requirements.cpus) == (8 << 30, 2.5)
    assert (tts.start_grace, tts.stop_grace, tts.restart.policy) == (450, 90, "permanent")
    assert store.restart.policy == "permanent"
    (alone,) = read_compose(tmp_path / "compose.yaml", "store", {})
    assert (alone.network, alone.aliases) == ("bridge", ())


@pytest.mark.parametrize(
    ("lines", "line", "words"),
    [
        ("imge: y", 4, "imge is not understood; did you mean image?"),
        ("logging: {driver: none}", 4, "logging is not understood"),
        ("extends: {file: ../../other.yaml, service: b}", 4, "extends needs the plugin"),
        ("ports: [1342]\nports: [1]", 5, "the key ports is there twice"),
        ("ports: [56:22:11:10]", 4, "is no port"),
        ("ports: [81022]", 4, "YAML reads 56:22 as a number"),
        ("depends_on: [b]", 4, "there is no service b; there are a."),
        ("depends_on: {a: {condition: service_completed_successfully}}", 4, "is not understood; each service"),
        ("depends_on: [a]", 4, "services wait for each other: a → a"),
        ("build: https://example.com/repo.git", 4, "a build begins with a folder here"),
        ("deploy: {replicas: 3}", 4, "deploy: replicas is not understood"),
        ("volumes: [{type: npipe, source: a, target: /b}]", 4, "a mount of the type npipe"),
        ("networks: [a, b]", 4, "in one network here"),
        ("healthcheck: {interval: 3s}", 4, "healthcheck: test says how"),
        ("restart: sometimes", 4, "none of no, always"),
        ("environment: ${MISSING:?give it}", 4, "MISSING is not set: give it"),
        ("secrets: [{target: x}]", 4, "secrets: source is missing"),
        ("command: 5", 4, "command: this is a list"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(tmp_path: Path, lines: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        one(tmp_path, lines)
    assert f"compose.yaml, line {line}: " in str(refused.value)
    assert words in str(refused.value)


def test_include_is_refused_without_the_plugin(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 1: include needs the plugin"):
        read_compose(write(tmp_path, "include: [other.yaml]\nservices: {}"), "a", {})


def test_variables_are_those_that_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary")
    (tmp_path / ".env").write_text("FROM_FILE=1\nBOTH=file\n")
    plan = one(
        tmp_path, "environment: [OPENAI_API_KEY, FROM_FILE, 'K=${OPENAI_API_KEY-}', 'B=${BOTH}']", {"BOTH": "us"}
    )
    assert plan.environment == {"FROM_FILE": "1", "K": "", "B": "us"}


def test_secrets_and_volumes_that_the_file_declares(tmp_path: Path) -> None:
    text = """
services:
  a:
    image: x
    secrets: [one, {source: two, target: /run/secrets/deux}]
    volumes: [named:/a, outside:/b, /c]
secrets: {one: {file: ./one}, two: {environment: TWO}}
volumes: {named: {name: special}, outside: {external: true}}
"""
    (plan,) = read_compose(write(tmp_path, text), "a", {})
    assert {name: (secret.file, secret.variable) for name, secret in plan.secrets.items()} == {
        "one": ("./one", ""),
        "deux": ("", "TWO"),
    }
    project = "".join(letter for letter in tmp_path.name if letter.isalnum() or letter in "_-").lower()
    assert [volume.name for volume in plan.volumes] == ["special", "outside", f"{project}_a-c"]
    with pytest.raises(ConfigError, match="its options could mount anything"):
        read_compose(write(tmp_path, text.replace("name: special", "driver_opts: {device: /}")), "a", {})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$A ${A} $$A ${B}", "1 1 $A "),
        ("${E:-d} ${E-d} ${B:-d} ${B-d}", "d  d d"),
        ("${A:+yes}${B:+no} ${E+yes}${E:+no}", "yes yes"),
        ("${B:-${C:-${A}}}", "1"),
        ("${A:?x}", "1"),
    ],
)
def test_variables_in_every_spelling(text: str, value: str) -> None:
    assert replaced(text, {"A": "1", "E": ""}) == value


@pytest.mark.parametrize("text", ["$", "${", "${A", "${A!}", "${}", "${B?}", "${B:?why}", "5 $ 3"])
def test_what_is_no_variable_is_an_error(text: str) -> None:
    with pytest.raises(BadVariable):
        replaced(text, {})


@given(st.text(), st.dictionaries(st.text("AB", min_size=1), st.text()))
def test_text_whose_dollars_are_doubled_stays_what_it_is(text: str, variables: dict[str, str]) -> None:
    assert replaced(text.replace("$", "$$"), variables) == text


MANIFEST = "name: speech\ncompose: {file: compose.yaml, service: tts}\ncapabilities: [tts]\nstart_grace: 7m\n"


def docker_program(folder: Path, rendered: object) -> Path:
    """A program called docker that has the plugin, and renders what it is given here."""
    (folder / "bin").mkdir()
    program = folder / "bin" / "docker"
    (folder / "rendered.json").write_text(json.dumps(rendered))
    program.write_text(
        "#!/bin/sh\n"
        '[ "$1 $2" = "compose version" ] && exit 0\n'
        '[ -z "$SECRET_OF_OURS" ] || exit 9\n'
        f'case "$*" in *"config --format json") cat {folder}/rendered.json;; *) exit 1;; esac\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program.parent


@pytest.mark.real_time
@pytest.mark.one_back_end
async def test_plugin_renders_and_the_plan_is_made_of_that(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rendered = {
        "name": "speech",
        "networks": {"default": {"name": "speech_default", "ipam": {}}},
        "services": {
            "tts": {
                "command": None,
                "entrypoint": None,
                "image": "tts:1",
                "environment": {"A": "1", "B": None},
                "networks": {"default": None},
                "ports": [{"mode": "ingress", "target": 80, "published": "8080", "protocol": "tcp"}],
                "volumes": [{"type": "volume", "source": "cache", "target": "/cache", "volume": {}}],
            }
        },
        "volumes": {"cache": {"name": "speech_cache"}},
    }

    def prepare() -> Path:
        (tmp_path / "troupe.service.yml").write_text(MANIFEST)
        write(tmp_path, "include: [more.yaml]\n")
        (tmp_path / "more.yaml").write_text("services: {tts: {image: x}}\n")
        return docker_program(tmp_path, rendered)

    programs = await to_thread.run_sync(prepare)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    monkeypatch.setenv("SECRET_OF_OURS", "canary")
    described, (plan,) = await make_plans(str(tmp_path))
    assert described.manifest.name == "speech"
    assert (plan.image, plan.environment, plan.start_grace) == ("tts:1", {"A": "1"}, 420)
    assert plan.ports == {"80": Port(container=80, host=8080)}
    assert plan.volumes == (Volume(path="/cache", name="speech_cache"),)
    assert plan.capabilities == {"tts"}
    assert plan.aliases == ("tts",)


@pytest.mark.real_time
@pytest.mark.one_back_end
@pytest.mark.parametrize(
    "text",
    [
        "include: [../outside.yaml]",
        "include: [{path: https://example.com/repo.git}]",
        "services: {tts: {image: x, env_file: ../../.env}}",
        "services: {tts: {extends: {file: ../base.yaml, service: x}}}",
        "include: [inside.yaml]",
    ],
)
async def test_files_elsewhere_are_refused_before_anybody_reads_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    def prepare() -> Path:
        (tmp_path / "p").mkdir()
        (tmp_path / "p" / "troupe.service.yml").write_text(MANIFEST)
        (tmp_path / "p" / "compose.yaml").write_text(text)
        (tmp_path / "p" / "inside.yaml").write_text("include: [../outside.yaml]")
        (tmp_path / "outside.yaml").write_text("services: {tts: {image: x}}")
        return docker_program(tmp_path, {})

    programs = await to_thread.run_sync(prepare)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    with pytest.raises(Forbidden, match=r"is not in the service's folder|is elsewhere"):
        await make_plans(str(tmp_path / "p"))
