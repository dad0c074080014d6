"""Manifests: what is written, what is wrong, and where."""

from pathlib import Path

import pytest
from troupe.services.config.errors import ConfigError
from troupe.services.docker.container import planned
from troupe.services.docker.manifest import Gpu, Manifest, overlaid, read_manifest
from troupe.services.docker.plans import find, shipped

WHOLE = """\
name: whisper
version: "1.0"
description: Speech to text
build: {context: server, target: cpu, args: {BASE: slim}}
ports: {http: 8000, metrics: {container: 9000, host: 19000}}
environment: {MODEL: small, THREADS: 4, DEBUG: true}
volumes:
  - {name: models, path: /models}
  - {folder: ./data, path: /data, read_only: true}
  - {memory: 64m, path: /scratch}
health: {http: /health, port: http, interval: 500ms, retries: 5}
capabilities: [stt]
requirements: {memory: 4g, cpus: 1.5, gpu: {ids: ["0"], driver: nvidia}, processes: 100}
start_grace: 5m
stop_grace: 1m30s
restart: {policy: transient, intensity: 3, period: 1m}
secrets: {token: {variable: HF_TOKEN}}
user: "1000"
variants:
  cpu: {requirements: {gpu: false}, environment: {MODEL: tiny}}
"""


def write(folder: Path, text: str) -> Path:
    (folder / "troupe.service.yml").write_text(text)
    return folder


def test_all_of_it_becomes_what_the_engine_is_asked_for(tmp_path: Path) -> None:
    plan = planned(read_manifest(write(tmp_path, WHOLE)), environment={"MODEL": "large"})
    body = plan.body(labels={"mine": "yes"}, environment={"FROM_FILE": "1"}, mounts=[])
    host = body.pop("HostConfig")
    assert body == {
        "Image": "troupe/whisper:1.0",
        "Env": ["FROM_FILE=1", "MODEL=large", "THREADS=4", "DEBUG=true"],
        "ExposedPorts": {"8000/tcp": {}, "9000/tcp": {}},
        "Labels": {"mine": "yes"},
        "User": "1000",
        "Healthcheck": {"Test": ["NONE"]},
    }
    assert host == {
        "CapDrop": ["ALL"],
        "DeviceRequests": [{"Driver": "nvidia", "Capabilities": [["gpu"]], "DeviceIDs": ["0"]}],
        "Init": True,
        "Memory": 4 << 30,
        "MemorySwap": 4 << 30,
        "Mounts": [
            {"Target": "/models", "ReadOnly": False, "Type": "volume", "Source": "models"},
            {"Target": "/data", "ReadOnly": True, "Type": "bind", "Source": str(tmp_path.resolve() / "data")},
            {"Target": "/scratch", "ReadOnly": False, "Type": "tmpfs", "TmpfsOptions": {"SizeBytes": 64 << 20}},
        ],
        "NanoCpus": 1_500_000_000,
        "NetworkMode": "bridge",
        "PidsLimit": 100,
        "PortBindings": {
            "8000/tcp": [{"HostIp": "127.0.0.1", "HostPort": ""}],
            "9000/tcp": [{"HostIp": "127.0.0.1", "HostPort": "19000"}],
        },
        "ReadonlyRootfs": True,
        "SecurityOpt": ["no-new-privileges"],
        "Tmpfs": {"/tmp": f"rw,nosuid,nodev,size={64 << 20}"},
    }
    assert (plan.start_grace, plan.stop_grace, plan.restart.period) == (300, 90, 60)


def test_variant_is_the_service_with_something_changed(tmp_path: Path) -> None:
    plain = read_manifest(write(tmp_path, WHOLE)).manifest
    cpu = read_manifest(tmp_path, "cpu").manifest
    assert cpu.environment == {**plain.environment, "MODEL": "tiny"}
    assert cpu.requirements.gpus is None
    assert cpu.requirements.memory == plain.requirements.memory
    assert overlaid({"a": {"b": 1, "c": 2}, "d": [1]}, {"a": {"b": 3}, "d": [2]}) == {"a": {"b": 3, "c": 2}, "d": [2]}


@pytest.mark.parametrize(
    ("gpu", "gpus"),
    [
        ("false", None),
        ("true", Gpu()),
        ("all", Gpu()),
        ("2", Gpu(count=2)),
        ("{ids: [a]}", Gpu(ids=("a",))),
    ],
)
def test_gpus_in_every_spelling(tmp_path: Path, gpu: str, gpus: Gpu | None) -> None:
    described = read_manifest(write(tmp_path, f"name: x\nimage: y\nrequirements: {{gpu: {gpu}}}"))
    assert described.manifest.requirements.gpus == gpus


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("name: x\nimage: y\nrequirments: {}", 3, "no key requirments here; did you mean requirements?"),
        ("name: x\nimage: y\nhealth:\n  htp: /", 4, "no key htp here; did you mean http?"),
        ("name: x\nimage: y\nvolumes:\n- {name: a, path: /b}\n- {nme: a, path: /b}", 5, "did you mean name?"),
        ("name: x\nimage: y\nports: {http: {contaner: 1}}", 3, "did you mean container?"),
        ("name: x\nimage: y\nrequirements:\n  memory: lots", 4, "memory: 'lots' is no size; one is like 512m or 4g"),
        ("name: x\nimage: y\nstart_grace: soon", 3, "start_grace: 'soon' is no duration; one is like 30s"),
        ("name: x\nimage: y\nversion: 1.0", 3, "version: expected str, got float; put it in quotes"),
        ("name: X\nimage: y", 1, "name: expected str matching regex"),
        ("name: x\nimage: y\nports: {http: 99999}", 3, "ports: expected int <= 65535"),
        ("name: x\nimage: y\nvolumes: [{path: /x}]", 3, "a volume has one of name, folder and memory"),
        ("name: x\nimage: y\nhealth: {http: /, tcp: http}", 3, "health has one of http, tcp and command"),
        ("name: x\nimage: y\nsecrets: {a: {}}", 3, "a secret has one of variable and file"),
        ("name: x\nimage: y\nname: z", 3, "the key name is there twice"),
        ("name: x\nimage: [y", 2, "this is not YAML"),
    ],
)
def test_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, problem: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_manifest(write(tmp_path, text))
    assert f"troupe.service.yml, line {line}: " in str(refused.value)
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("image: y", "missing required field name"),
        ("name: x", "one of image, build and compose says what runs"),
        ("name: x\nimage: y\ncompose: {file: a, service: b}", "what runs is said once"),
        ("name: x\nimage: y\nhealth: {http: /}", "health.http needs a port"),
        ("name: x\nimage: y\nports: {http: 1}\nhealth: {tcp: htp}", "there is no port htp; did you mean http?"),
        ("name: x\nimage: y\nnetwork: none\nports: {http: 1}", "without a network there are no ports"),
        ("name: x\nimage: y\nenvironment: {A-B: 1}", "'A-B' is no name of a variable"),
        ("- name: x", "a manifest is a mapping"),
        ("", "a manifest is a mapping"),
    ],
)
def test_mistake_in_the_whole_is_told(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError, match=r"troupe\.service\.yml") as refused:
        read_manifest(write(tmp_path, text))
    assert problem in str(refused.value)


def test_unknown_variant_and_mistake_in_a_variant(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"line 19: there is no variant gpu; did you mean cpu\?"):
        read_manifest(write(tmp_path, WHOLE), "gpu")
    with pytest.raises(ConfigError, match="in the variant odd: there is no key prts here; did you mean ports"):
        read_manifest(write(tmp_path, "name: x\nimage: y\nvariants: {odd: {prts: {}}}"), "odd")


def test_example_of_the_documentation_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "docker.md").read_text()
    text = page.split("## Writing one", 1)[1].split("```yaml\n", 1)[1].split("```", 1)[0]
    described = read_manifest(write(tmp_path, text), "gpu")
    documented = {line.partition(":")[0] for line in text.splitlines() if line[:1].isalpha()}
    left_out = {"image", "compose", "command", "entrypoint", "working_dir", "linux_capabilities", "stop_signal"}
    assert documented == set(Manifest.__struct_fields__) - left_out
    assert described.manifest.requirements.gpus == Gpu(count=1)


def test_a_few_lines_that_stand_for_billions_are_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(ConfigError, match="more in it than makes sense"):
        read_manifest(write(tmp_path, "\n".join(lines)))


def test_services_are_found_by_name_folder_and_file(tmp_path: Path) -> None:
    write(tmp_path, "name: x\nimage: y")
    assert find(str(tmp_path)) == find(str(tmp_path / "troupe.service.yml")) == tmp_path / "troupe.service.yml"
    for name in shipped():
        described = read_manifest(find(name))
        assert described.manifest.name == name
        for variant in described.manifest.variants:
            assert isinstance(read_manifest(find(name), variant).manifest, Manifest)
    with pytest.raises(ConfigError, match=r"no troupe\.service\.yml in nothing-here"):
        find("nothing-here")
