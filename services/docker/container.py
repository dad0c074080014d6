"""What a container is to be, as data: made of a manifest or a Compose file, and turned into what the engine is sent.

`Plan` is the common ground: whatever a service was written in, it becomes one of these. `Plan.body` is the whole of
what the engine is asked for, and `troupe.services.docker.policy` looks at that, not at what it was made from.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from .manifest import (
    Build,
    Described,
    Gpu,
    Health,
    Manifest,
    Port,
    ProviderHint,
    Requirements,
    RestartRule,
    Secret,
    Volume,
)
from .wire import Json

SECRETS: Final = "/run/secrets"
TEMPORARY: Final = 64 << 20
"""Bytes of ``/tmp`` of a container whose files can't be changed."""
IMAGES: Final = "troupe"
"""Under which name images are built that have no name of their own: ``troupe/NAME``."""


class Plan(Struct, frozen=True, kw_only=True):
    """One container."""

    service: str
    folder: Path
    """Where its own files are."""
    image: str
    build: Build | None = None
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    environment: dict[str, str] = {}
    env_files: tuple[Path, ...] = ()
    secrets: dict[str, Secret] = {}
    ports: dict[str, Port] = {}
    volumes: tuple[Volume, ...] = ()
    health: Health | None = None
    requirements: Requirements = Requirements()
    start_grace: float = 60.0
    stop_grace: float = 10.0
    stop_signal: str = ""
    restart: RestartRule = RestartRule()
    read_only: bool = True
    user: str = ""
    working_dir: str = ""
    hostname: str = ""
    network: str = "bridge"
    """``bridge``, ``none``, or the name of a network that this service shares with others."""
    aliases: tuple[str, ...] = ()
    """What others in that network call it."""
    cap_add: tuple[str, ...] = ()
    capabilities: frozenset[str] = frozenset()
    provider: ProviderHint = ProviderHint()
    labels: dict[str, str] = {}
    platform: str = ""
    """Such as ``linux/arm64``; the engine's own if empty."""
    unchecked: bool = False
    """Whether also the image's own health check is left out."""
    extra: dict[str, Any] = {}
    """More of the engine's ``HostConfig``, from a Compose file; see `policy` for what of that may be."""

    @property
    def fingerprint(self) -> str:
        """The same for plans that ask for the same."""
        return hashlib.sha256(msgspec.json.encode(self, enc_hook=str, order="deterministic")).hexdigest()[:16]

    def body(self, *, labels: Mapping[str, str], environment: Mapping[str, str], mounts: list[Json]) -> Json:
        """Return what the engine is asked for.

        Args:
            labels: Those that say whose it is.
            environment: Variables beside its own: those of its files.
            mounts: Secrets, as the engine mounts them.
        """
        variables = {**environment, **self.environment}
        exposed = [f"{port.container}/{port.protocol}" for port in self.ports.values()]
        body: Json = {
            "Image": self.image,
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "ExposedPorts": {port: {} for port in exposed},
            "Labels": {**self.labels, **labels},
            "HostConfig": self._host_config(mounts),
        }
        optional: Json = {
            "Cmd": list(self.command),
            "Entrypoint": list(self.entrypoint),
            "User": self.user,
            "WorkingDir": self.working_dir,
            "Hostname": self.hostname,
            "StopSignal": self.stop_signal,
            "Healthcheck": {"Test": ["NONE"]} if self.unchecked else _healthcheck(self.health, self.start_grace),
        }
        body |= {key: value for key, value in optional.items() if value}
        if self.aliases:
            body["NetworkingConfig"] = {"EndpointsConfig": {self.network: {"Aliases": list(self.aliases)}}}
        return body

    def _host_config(self, mounts: list[Json]) -> Json:
        needs = self.requirements
        config: Json = {
            "CapDrop": ["ALL"],
            "Init": True,  # what a service leaves behind when it forks is reaped, and signals get through
            "Memory": int(needs.memory),
            "MemorySwap": int(needs.memory),  # no swap on top
            "Mounts": [self._mount(volume) for volume in self.volumes] + mounts,
            "NetworkMode": self.network,
            "PidsLimit": needs.processes,
            "PortBindings": {
                f"{port.container}/{port.protocol}": [{"HostIp": port.address, "HostPort": str(port.host or "")}]
                for port in self.ports.values()
            },
            "ReadonlyRootfs": self.read_only,
            "SecurityOpt": ["no-new-privileges"],
        }
        if self.cap_add:
            config["CapAdd"] = list(self.cap_add)
        if self.read_only and not any(volume.path == "/tmp" for volume in self.volumes):  # noqa: S108
            config["Tmpfs"] = {"/tmp": f"rw,nosuid,nodev,size={TEMPORARY}"}  # noqa: S108
        if needs.cpus:
            config["NanoCpus"] = round(needs.cpus * 1e9)
        if needs.gpus:
            config["DeviceRequests"] = [_gpus(needs.gpus)]
        for key, value in self.extra.items():
            if isinstance(value, list) and key in config:
                config[key] = [*config[key], *value]
            elif isinstance(value, dict) and key in config:
                config[key] = {**config[key], **value}
            else:
                config[key] = value
        return config

    def _mount(self, volume: Volume) -> Json:
        mount: Json = {"Target": volume.path, "ReadOnly": volume.read_only}
        if volume.name:
            return mount | {"Type": "volume", "Source": volume.name}
        if volume.folder:
            return mount | {"Type": "bind", "Source": str((self.folder / volume.folder).resolve())}
        return mount | {"Type": "tmpfs", "TmpfsOptions": {"SizeBytes": int(volume.memory)}}


def _healthcheck(health: Health | None, grace: float) -> Json | None:
    """Return the engine's health check: the one by command. The others are made from outside."""
    if health is None:
        return None
    if not health.command:
        return {"Test": ["NONE"]}
    return {
        "Test": ["CMD", *health.command],
        "Interval": _nanoseconds(health.interval),
        "Timeout": _nanoseconds(health.timeout),
        "Retries": health.retries,
        "StartPeriod": _nanoseconds(grace),
    }


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1e9)


def _gpus(gpu: Gpu) -> Json:
    request: Json = {"Driver": gpu.driver, "Capabilities": [["gpu"]]}
    return request | ({"DeviceIDs": list(gpu.ids)} if gpu.ids else {"Count": gpu.count})


def planned(described: Described, *, environment: Mapping[str, str] | None = None) -> Plan:
    """Make the plan of a manifest that has an image or builds one.

    Args:
        described: The manifest; one with a Compose file is for `troupe.services.docker.compose`.
        environment: Variables that whoever runs the service sets over its own.
    """
    manifest = described.manifest
    built = manifest.build
    build = Build(context=built) if isinstance(built, str) else built
    return Plan(
        service=manifest.name,
        folder=described.folder,
        image=manifest.image or f"{IMAGES}/{manifest.name}:{manifest.version or 'latest'}",
        build=build,
        command=manifest.command,
        entrypoint=manifest.entrypoint,
        environment={name: _text(value) for name, value in {**manifest.environment, **(environment or {})}.items()},
        env_files=(described.folder / manifest.env_file,) if manifest.env_file else (),
        secrets=manifest.secrets,
        ports={name: Port(container=port) if isinstance(port, int) else port for name, port in manifest.ports.items()},
        volumes=manifest.volumes,
        read_only=manifest.read_only,
        user=manifest.user,
        working_dir=manifest.working_dir,
        network=manifest.network,
        cap_add=manifest.linux_capabilities,
        **_shared(manifest),
    )


def _shared(manifest: Manifest) -> dict[str, Any]:
    """Return what a manifest says that no Compose file does."""
    return {
        "health": manifest.health,
        "requirements": manifest.requirements,
        "start_grace": manifest.start_grace,
        "stop_grace": manifest.stop_grace,
        "stop_signal": manifest.stop_signal,
        "restart": manifest.restart,
        "capabilities": frozenset(manifest.capabilities),
        "provider": manifest.provider,
    }


def with_manifest(plan: Plan, manifest: Manifest) -> Plan:
    """Return the plan of a Compose file's service with what its manifest says beside that."""
    given = {name: value for name, value in _shared(manifest).items() if value != getattr(_DEFAULTS, name)}
    return replace(plan, **given)


_DEFAULTS: Final = Plan(service="defaults", folder=Path(), image="defaults")


def _text(value: object) -> str:
    """Write a value as a variable: ``true`` and ``false`` as YAML does."""
    return str(value).lower() if isinstance(value, bool) else str(value)
