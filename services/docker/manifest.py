"""``troupe.service.yml``: what a service is, in words that its author knows.

::

    name: whisper
    version: "1.0"
    description: Speech to text, OpenAI's API
    build: .
    ports: {http: 8000}
    health: {http: /health}
    requirements: {memory: 4g}
    capabilities: [stt]

`docs/docker.md` has every key. What a service may do on this machine is not said here, but by whoever runs it: see
`troupe.services.docker.policy`.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast

from msgspec import Meta, Struct

from ..config.errors import ConfigError, nearest
from .document import Document
from .units import Bytes, Seconds

FILE_NAME: Final = "troupe.service.yml"
NAME: Final = r"^[a-z0-9][a-z0-9-]{0,39}$"
PORT = Annotated[int, Meta(ge=1, le=65535)]
VARIABLE: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"


class Strict(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all tables of a manifest share: a key that nobody knows is an error."""


class Build(Strict, frozen=True, kw_only=True):
    """How to build the image."""

    context: str = "."
    """The folder that is sent to the engine, seen from the manifest."""
    dockerfile: str = "Dockerfile"
    """Seen from `context`."""
    target: str = ""
    """The stage to build; the last one if empty."""
    args: dict[str, str] = {}
    """Build arguments. They can be read in the image afterwards: no place for secrets."""


class Compose(Strict, frozen=True, kw_only=True):
    """A service of a Compose file."""

    file: str
    """Seen from the manifest."""
    service: str
    """Which of its services; those that it depends on come along."""


class Port(Strict, frozen=True, kw_only=True):
    """One port of the container, and where it is found on this machine."""

    container: PORT
    protocol: Literal["tcp", "udp"] = "tcp"
    host: Annotated[int, Meta(ge=0, le=65535)] = 0
    """The port on this machine; 0 is any free one."""
    address: str = "127.0.0.1"
    """The address on this machine; any but loopback has to be allowed."""


class Volume(Strict, frozen=True, kw_only=True):
    """What is mounted into the container: exactly one of `name`, `folder` and `memory`."""

    path: Annotated[str, Meta(pattern=r"^/.+")]
    """Where, in the container."""
    name: Annotated[str, Meta(pattern=r"^([a-z0-9][a-z0-9_.-]*)?$")] = ""
    """A volume that the engine keeps, also when the service is gone: models, say."""
    folder: str = ""
    """A folder of this machine, seen from the manifest; one that is not below it has to be allowed."""
    memory: Bytes = Bytes(0)
    """Memory that is gone with the container, as much as this."""
    read_only: bool = False

    def __post_init__(self) -> None:
        if (bool(self.name) + bool(self.folder) + bool(self.memory)) != 1:
            raise ValueError("a volume has one of name, folder and memory")


class Health(Strict, frozen=True, kw_only=True):
    """How to find out whether the service is well: at most one of `http`, `tcp` and `command`."""

    http: Annotated[str, Meta(pattern=r"^(/\S*)?$")] = ""
    """A path that answers with a status from 200 to 399."""
    port: str = ""
    """The name of the port of `http`; the first one if empty."""
    tcp: str = ""
    """The name of a port that accepts connections."""
    command: tuple[str, ...] = ()
    """A command in the container that ends with 0. The engine runs it, first after one `interval`."""
    interval: Seconds = Seconds(10)
    timeout: Seconds = Seconds(5)
    retries: Annotated[int, Meta(ge=1)] = 3
    """Failures in a row after which a service that was healthy is restarted."""

    def __post_init__(self) -> None:
        if (bool(self.http) + bool(self.tcp) + bool(self.command)) != 1:
            raise ValueError("health has one of http, tcp and command")
        if self.interval < 0.001 or self.timeout < 0.001:
            raise ValueError("interval and timeout are at least 1ms")


class Gpu(Strict, frozen=True, kw_only=True):
    """Which GPUs a service takes."""

    count: Annotated[int, Meta(ge=-1)] = -1
    """How many; -1 for all."""
    ids: tuple[str, ...] = ()
    """These ones, by index or UUID; `count` does not matter then."""
    driver: str = ""
    """Such as ``nvidia``; any that has GPUs if empty."""


class Requirements(Strict, frozen=True, kw_only=True):
    """What the service needs of the machine. It does not get more, either."""

    memory: Bytes = Bytes(2 << 30)
    cpus: Annotated[float, Meta(ge=0)] = 0.0
    """How many, in fractions if need be; 0 for as many as there are, and no limit."""
    gpu: bool | Annotated[int, Meta(ge=1)] | Literal["all"] | Gpu = False
    disk: Bytes = Bytes(0)
    """What has to be free where the engine keeps images and volumes."""
    processes: Annotated[int, Meta(ge=1)] = 512
    """Processes and threads that it may have."""

    @property
    def gpus(self) -> Gpu | None:
        """The GPUs that it takes; None for none."""
        match self.gpu:
            case False:
                return None
            case True | "all":
                return Gpu()
            case int(count):
                return Gpu(count=count)
            case Gpu() as gpu:
                return gpu


class RestartRule(Strict, frozen=True, kw_only=True):
    """When a service that ended is started again: by Troupe's supervisor, never by the engine."""

    policy: Literal["permanent", "transient", "temporary"] = "permanent"
    """Always, after failures, or never."""
    intensity: Annotated[int, Meta(ge=0)] = 5
    """Restarts in any `period` after which it is given up."""
    period: Seconds = Seconds(60)
    first: Seconds = Seconds(0.1)
    """How long to wait before the second restart in a row; the first one comes at once, each further one waits twice
    as long."""
    longest: Seconds = Seconds(5)


class Secret(Strict, frozen=True, kw_only=True):
    """Where a secret comes from: exactly one of both. It becomes the file ``/run/secrets/NAME``."""

    variable: Annotated[str, Meta(pattern=r"^([A-Za-z_][A-Za-z0-9_]*)?$")] = ""
    """A variable of Troupe's environment, which whoever runs the service has to allow."""
    file: str = ""
    """A file, seen from the manifest and below it."""

    def __post_init__(self) -> None:
        if bool(self.variable) == bool(self.file):
            raise ValueError("a secret has one of variable and file")


class ProviderHint(Strict, frozen=True, kw_only=True):
    """How the service is used as a provider."""

    kind: str = ""
    """The kind of provider, as in ``[providers.NAME] kind``; what its name says if empty, else `openai`."""
    port: str = ""
    """The name of its port; the first one if empty."""
    path: str = "/v1"
    """What follows the port in its address."""


class Manifest(Strict, frozen=True, kw_only=True):
    """All of it. Exactly one of `image`, `build` and `compose` says what runs; `image` may name what is built."""

    name: Annotated[str, Meta(pattern=NAME)]
    version: str = ""
    description: str = ""
    image: str = ""
    """Name and tag, better name and digest: ``ollama/ollama@sha256:…``."""
    build: str | Build | None = None
    compose: Compose | None = None
    command: tuple[str, ...] = ()
    """In place of the image's own."""
    entrypoint: tuple[str, ...] = ()
    ports: dict[str, PORT | Port] = {}
    """By name; ``http: 8000`` is that port of the container on any free port of this machine's loopback."""
    environment: dict[str, str | int | float | bool] = {}
    env_file: str = ""
    """A file of ``NAME=value`` lines, seen from the manifest and below it. What is in it counts as secret."""
    secrets: dict[str, Secret] = {}
    volumes: tuple[Volume, ...] = ()
    health: Health | None = None
    """None: the image's own, if it has one; else it is healthy as soon as it runs."""
    capabilities: tuple[str, ...] = ()
    """What it can do: ``stt``, ``tts``, ``llm``, … Others find it by that."""
    requirements: Requirements = Requirements()
    start_grace: Seconds = Seconds(60)
    """How long it may take to be healthy."""
    stop_grace: Seconds = Seconds(10)
    """How long it may take to stop; then it is killed."""
    stop_signal: str = ""
    restart: RestartRule = RestartRule()
    network: Literal["bridge", "none"] = "bridge"
    """Whether it has a network at all. One without has no ports, and is used by commands."""
    read_only: bool = True
    """Whether the container's own files can't be changed; ``/tmp`` always can."""
    user: str = ""
    """Who it runs as, in place of the image's user."""
    working_dir: str = ""
    linux_capabilities: tuple[str, ...] = ()
    """Those that it needs, ``NET_BIND_SERVICE``, say: each has to be allowed, as it has none otherwise."""
    provider: ProviderHint = ProviderHint()
    variants: dict[str, dict[str, Any]] = {}
    """What is different in a variant, by its name: ``gpu: {requirements: {gpu: 1}}``."""

    def __post_init__(self) -> None:
        if self.compose is not None and (self.image or self.build is not None):
            raise ValueError("what runs is said once: by image, by build or by compose")
        if self.compose is None and not self.image and self.build is None:
            raise ValueError("one of image, build and compose says what runs")
        health = self.health
        for key, port in (("port", health.port), ("tcp", health.tcp)) if health else ():
            if port and port not in self.ports:
                raise ValueError(f"health.{key}: there is no port {port}; {nearest(port, self.ports)}")
        if health is not None and health.http and not self.ports:
            raise ValueError("health.http needs a port; give one in ports")
        if self.network == "none" and self.ports:
            raise ValueError("without a network there are no ports; leave out ports, or network: none")
        for name in self.environment:
            if not re.fullmatch(VARIABLE, name):
                raise ValueError(f"environment: {name!r} is no name of a variable")


class Described(Struct, frozen=True, kw_only=True):
    """A manifest, and where it was found."""

    manifest: Manifest
    folder: Path
    """The manifest's folder, resolved: the service's own files are below it."""
    file: Path


def read_manifest(path: Path, variant: str = "") -> Described:
    """Read a manifest.

    Args:
        path: The file, or the folder that it is in.
        variant: Which of its variants; empty for the plain service.

    Raises:
        ConfigError: It can't be read, a key is not known, or a value makes no sense; file, line and fix are in it.
    """
    file = path / FILE_NAME if path.is_dir() else path
    document = Document.load(file)
    if not isinstance(document.value, dict):
        raise ConfigError("a manifest is a mapping that begins with name: …", str(file))
    plain = document.read(Manifest)
    if not variant:
        return Described(manifest=plain, folder=file.parent.resolve(), file=file)
    if variant not in plain.variants:
        known = f"{nearest(variant, plain.variants)}" if plain.variants else "it has none"
        raise document.error(("variants",), f"there is no variant {variant}; {known}")
    own = cast("dict[str, Any]", document.value)
    try:
        manifest = document.read(Manifest, overlaid(own, plain.variants[variant]))
    except ConfigError as error:
        raise document.error(("variants", variant), f"in the variant {variant}: {error.problem}") from None
    return Described(manifest=manifest, folder=file.parent.resolve(), file=file)


def overlaid(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """Return a mapping with what another one says in its place; mappings inside are overlaid likewise."""
    merged = dict(below)
    for key, value in above.items():
        under = merged.get(key)
        if isinstance(under, dict) and isinstance(value, dict):
            merged[key] = overlaid(cast("dict[str, Any]", under), cast("dict[str, Any]", value))
        else:
            merged[key] = value
    return merged
