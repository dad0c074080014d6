"""What is refused, and with which words it is allowed."""

import socket
from contextlib import suppress
from pathlib import Path

import pytest
from troupe.services.config.errors import ConfigError
from troupe.services.docker.compose import read_compose
from troupe.services.docker.errors import Forbidden
from troupe.services.docker.ownership import Run
from troupe.services.docker.policy import check, permissions
from troupe.services.docker.preparation import prepare

PLAIN = "services:\n  a:\n    image: x\n"


def asked(folder: Path, lines: str, *allowed: str) -> None:
    """Make what the engine would be asked for, for a service of a Compose file with these lines."""
    file = folder / "compose.yaml"
    file.write_text(PLAIN + "".join(f"    {line}\n" for line in lines.splitlines()))
    (plan,) = read_compose(file, "a", {})
    with Run.begin(folder / "runs") as run:
        prepare(plan, run, "container", run.labels("a", 0, "f"), permissions(allowed))


@pytest.mark.parametrize(
    ("lines", "permission"),
    [
        ("privileged: true", "privileged"),
        ("network_mode: host", "network:host"),
        ("network_mode: container:other", "network:container:other"),
        ("pid: host", "pid:host"),
        ("ipc: host", "ipc:host"),
        ("uts: host", "uts:host"),
        ("userns_mode: host", "userns:host"),
        ("volumes: [/var/run/docker.sock:/var/run/docker.sock]", "mount:/run/docker.sock"),
        ("volumes: ['/:/host']", "mount:/"),
        ("volumes: ['../..:/host:ro']", ""),
        ("volumes: [{type: bind, source: /etc, target: /etc}]", "mount:/etc"),
        ("devices: [/dev/kfd]", "device:/dev/kfd"),
        ("cap_add: [SYS_ADMIN]", "capability:SYS_ADMIN"),
        ("security_opt: [seccomp=unconfined]", "security:seccomp=unconfined"),
        ("sysctls: {kernel.msgmax: 1}", "sysctl:kernel.msgmax"),
        ("runtime: sysbox", "runtime:sysbox"),
        ("env_file: /root/.env", "mount:/root/.env"),
        ("ports: ['0.0.0.0:8080:80']", "port:0.0.0.0"),
        ("ports: [{target: 80, host_ip: '::'}]", "port:::"),
    ],
)
def test_what_reaches_beyond_the_container_takes_a_permission(tmp_path: Path, lines: str, permission: str) -> None:
    folder = tmp_path / "deep" / "project"
    folder.mkdir(parents=True)
    permission = permission or f"mount:{tmp_path.resolve()}"
    permission = permission.replace("/run/docker.sock", str(Path("/var/run/docker.sock").resolve()))
    with pytest.raises(Forbidden) as refused:
        asked(folder, lines)
    (refusal,) = refused.value.refusals
    assert f'allow = ["{permission}"]' in refusal
    with suppress(ConfigError):  # it may, and is not there
        asked(folder, lines, permission)


@pytest.mark.parametrize(
    "lines",
    [
        "ports: ['8080:80', 9000]",
        "volumes: [data:/data, ./own:/own]",
        "tmpfs: /scratch\nshm_size: 1g\nulimits: {nofile: 1024}",
        "security_opt: ['no-new-privileges:true']\nread_only: true\ninit: true\nipc: private",
        "deploy: {resources: {limits: {memory: 1g, cpus: '0.5'}}}",
        "extra_hosts: ['host.docker.internal:host-gateway']",
        "network_mode: none",
    ],
)
def test_what_stays_in_the_container_is_harmless(tmp_path: Path, lines: str) -> None:
    (tmp_path / "own").mkdir()
    asked(tmp_path, lines)


BODY = {
    "Image": "x",
    "HostConfig": {
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges"],
        "Memory": 1,
        "MemorySwap": 1,
        "PidsLimit": 1,
    },
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"CapDrop": []}, "CapDrop has to be ALL"),
        ({"SecurityOpt": []}, "no-new-privileges is missing"),
        ({"Memory": 0}, "Memory has no limit"),
        ({"PidsLimit": -1}, "PidsLimit has no limit"),
        ({"RestartPolicy": {"Name": "always"}}, "RestartPolicy is not something that a service can ask for"),
        ({"Binds": ["/:/x"]}, "Binds is not something that a service can ask for"),
        ({"SomethingNew": False}, "SomethingNew is not something that a service can ask for"),
        ({"Mounts": [{"Type": "npipe"}]}, "a mount of the type npipe"),
        ({"Mounts": [{"Type": "volume", "VolumeOptions": {"DriverConfig": {"Name": "local"}}}]}, "own options"),
    ],
)
def test_what_is_not_on_the_list_nobody_can_allow(tmp_path: Path, change: dict[str, object], words: str) -> None:
    body = {**BODY, "HostConfig": {**BODY["HostConfig"], **change}}
    with pytest.raises(Forbidden, match=words):
        check("x", body, folder=tmp_path, allowed=permissions(["privileged", "mount:/"]))
    check("x", BODY, folder=tmp_path, allowed=frozenset())


def test_links_and_sockets_below_an_allowed_folder_are_another_matter(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/etc")
    with pytest.raises(Forbidden, match=r'allow = \["mount:/etc"\]'):
        asked(tmp_path, "volumes: ['./link:/x']")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        with pytest.raises(Forbidden, match="mount:"):
            asked(tmp_path, "volumes: ['./s:/s']")


def test_variables_for_secrets_take_a_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", "canary")
    text = PLAIN + "    secrets: [key]\nsecrets:\n  key: {environment: SOME_KEY}\n"
    (tmp_path / "compose.yaml").write_text(text)
    (plan,) = read_compose(tmp_path / "compose.yaml", "a", {})
    with Run.begin(tmp_path / "runs") as run:
        with pytest.raises(Forbidden, match=r'allow = \["variable:SOME_KEY"\]'):
            prepare(plan, run, "container", {}, frozenset())
        body = prepare(plan, run, "container", {}, permissions(["variable:SOME_KEY"]))
        (mount,) = body["HostConfig"]["Mounts"]
        assert mount["Target"] == "/run/secrets/key"
        assert Path(mount["Source"]).read_text() == "canary"
        assert "canary" not in str(body)
        run.forget_secrets("container")
        assert not Path(mount["Source"]).exists()


@pytest.mark.parametrize("word", ["everything", "mount", "privileged:yes", "port:", ""])
def test_words_that_permit_nothing_are_refused(word: str) -> None:
    with pytest.raises(ConfigError, match="is no permission; one is privileged, or capability"):
        permissions([word])
