"""What each key of a Compose file's service becomes in a plan."""

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from .container import Plan
from .document import mapping, sequence
from .manifest import Build, Gpu, Health, Port, Requirements, RestartRule, Secret, Volume
from .units import Bytes, Seconds, read_bytes, read_seconds

SHELL: Final = ("/bin/sh", "-c")

Json = dict[str, Any]


class Translation:
    """Takes the keys of one service, one by one; gives its plan.

    Args:
        top: The whole file, for what it declares beside services.
        name: The service's.
        folder: The file's.
        project: The prefix of volumes and networks.
        variables: What stands for variables that have a name alone.
        together: Whether it runs beside other services, which it is to reach.
    """

    def __init__(
        self, top: Json, name: str, folder: Path, project: str, variables: Mapping[str, str], *, together: bool
    ) -> None:
        self._top = top
        self._name = name
        self._folder = folder
        self._project = project
        self._variables = variables
        self._extra: Json = {}
        self._limits: Json = {}
        self._given: Json = {
            "service": name,
            "folder": folder,
            "image": f"{project}-{name}",
            "read_only": False,
            "network": f"{project}_default" if together else "bridge",
            "aliases": (name,) if together else (),
        }

    def plan(self) -> Plan:
        """Return what the keys come to."""
        if self._given["network"] in {"none", "host"}:
            self._given |= {"ports": {}, "aliases": ()}
        return Plan(**self._given, requirements=Requirements(**self._limits), extra=self._extra)

    # -- one method for each key, or one for several -----------------------------------------------------------------

    def build(self, value: Any) -> None:
        """A folder, or a mapping that says how."""
        build: Json = {"context": value} if isinstance(value, str) else dict(mapping(value))
        context = str(build.pop("context", "."))
        if "://" in context or context.startswith("git@"):
            raise ValueError("a build begins with a folder here, not with an address")
        args = _pairs(build.pop("args", {}), self._variables)
        known = {key: str(build.pop(key)) for key in ("dockerfile", "target") if build.get(key) is not None}
        if build:
            raise ValueError(f"{', '.join(build)} is not understood; there are context, dockerfile, target and args")
        self._given["build"] = Build(context=context, args=args, **known)

    def words(self, key: str, value: Any) -> None:
        """A command: a list of words, or a line that a shell would cut into them."""
        self._given[key] = tuple(shlex.split(value) if isinstance(value, str) else map(str, sequence(value)))

    def environment(self, value: Any) -> None:
        """Variables, as a mapping or a list."""
        self._given["environment"] = _pairs(value or {}, self._variables)

    def env_file(self, value: Any) -> None:
        """One file of variables, or several."""
        files = [value] if isinstance(value, str) else [mapping(value)] if isinstance(value, dict) else sequence(value)
        paths = (each if isinstance(each, str) else mapping(each)["path"] for each in files)
        self._given["env_files"] = tuple(self._folder / str(path) for path in paths)

    def ports(self, value: Any) -> None:
        """Ports, in the short or the long form."""
        ports: dict[str, Port] = {}
        for each in sequence(value):
            for port in _ports(each):
                ports[str(port.container) if port.protocol == "tcp" else f"{port.container}/{port.protocol}"] = port
        self._given["ports"] = ports

    def volumes(self, value: Any) -> None:
        """Mounts, in the short or the long form."""
        self._given["volumes"] = tuple(self._volume(each) for each in sequence(value))

    def _volume(self, value: Any) -> Volume:
        if isinstance(value, str):
            parts = value.split(":")
            if len(parts) == 1:
                return Volume(path=parts[0], name=self._volume_name(re.sub(r"[^a-z0-9]+", "-", f"{self._name}{value}")))
            source, path, *options = parts
            read_only = "ro" in ",".join(options).split(",")
            folder = source.startswith((".", "/", "~"))
            given: Json = {"source": source, "target": path, "type": "bind" if folder else "volume"}
            given["read_only"] = read_only
        else:
            given = dict(mapping(value))
            given.pop("bind", None)  # create_host_path, propagation: what is not there is an error here
            if any(mapping(given.pop("volume", None) or {}).values()):
                raise ValueError("the options of a volume are not understood")
        kind = given.pop("type")
        path, read_only = given.pop("target"), bool(given.pop("read_only", False))
        source, memory = str(given.pop("source", "")), mapping(given.pop("tmpfs", None) or {})
        if given:
            raise ValueError(f"{', '.join(given)} is not understood")
        match kind:
            case "bind":
                return Volume(path=path, folder=str(Path(source).expanduser()), read_only=read_only)
            case "volume":
                return Volume(path=path, name=self._volume_name(source), read_only=read_only)
            case "tmpfs":
                return Volume(path=path, memory=Bytes(read_bytes(memory.get("size", 64 << 20))))
            case _:
                raise ValueError(f"a mount of the type {kind} is not understood")

    def _volume_name(self, name: str) -> str:
        declared = self._declared("volumes", name)
        if unknown := declared.keys() - {"name", "external", "labels"}:
            raise ValueError(f"the volume {name} has {', '.join(sorted(unknown))}: its options could mount anything")
        usual = name if declared.get("external") else f"{self._project}_{name}"
        return str(declared.get("name") or usual)

    def _declared(self, kind: str, name: str) -> Json:
        """Return what stands of a volume, network or secret beside the services."""
        return mapping(mapping(self._top.get(kind) or {}).get(name) or {})

    def secrets(self, value: Any) -> None:
        """Secrets that the file declares, by name."""
        secrets: dict[str, Secret] = {}
        for each in sequence(value):
            long = {"source": each} if isinstance(each, str) else mapping(each)
            source, target = str(long["source"]), long.get("target")
            declared = self._declared("secrets", source)
            secrets[str(target or source).removeprefix("/run/secrets/")] = Secret(
                file=declared.get("file", ""), variable=declared.get("environment", "")
            )
        self._given["secrets"] = secrets

    def healthcheck(self, value: Any) -> None:
        """A command that the engine runs."""
        value = mapping(value)
        known = {"test", "interval", "timeout", "retries", "start_period", "start_interval", "disable"}
        if unknown := value.keys() - known:
            raise ValueError(f"{', '.join(sorted(unknown))} is not understood")
        test = value.get("test")
        command: list[str] = ["CMD-SHELL", test] if isinstance(test, str) else list(sequence(test or []))
        if value.get("disable") or command[:1] == ["NONE"]:
            self._given["unchecked"] = True
            return
        if not command:
            raise ValueError("test says how")
        self._given["health"] = Health(
            command=(*SHELL, *command[1:]) if command[0] == "CMD-SHELL" else tuple(command[1:]),
            interval=Seconds(read_seconds(value.get("interval", 30))),
            timeout=Seconds(read_seconds(value.get("timeout", 30))),
            retries=int(value.get("retries", 3)),
        )
        self._given["start_grace"] = max(60.0, read_seconds(value.get("start_period", 0)) * 1.5)

    def deploy(self, value: Any) -> None:
        """Limits, and GPUs."""
        resources = mapping(mapping(value).get("resources") or {})
        limits, reserved = mapping(resources.get("limits") or {}), mapping(resources.get("reservations") or {})
        devices = reserved.get("devices")
        unknown = mapping(value).keys() - {"resources", "placement"} | resources.keys() - {"limits", "reservations"}
        unknown |= limits.keys() - {"cpus", "memory", "pids"} | reserved.keys() - {"cpus", "memory", "devices"}
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))} is not understood")
        if "memory" in limits:
            self._limits["memory"] = Bytes(read_bytes(limits["memory"]))
        if "cpus" in limits:
            self._limits["cpus"] = float(limits["cpus"])
        if "pids" in limits:
            self._limits["processes"] = int(limits["pids"])
        if devices:
            self.gpus(devices)

    def gpus(self, value: Any) -> None:
        """``all``, or an entry as below ``deploy``."""
        if value == "all":
            self._limits["gpu"] = Gpu()
            return
        if len(sequence(value)) != 1:
            raise ValueError("one entry says which GPUs")
        device = mapping(sequence(value)[0])
        if "gpu" not in sequence(device.get("capabilities") or ["gpu"]):
            raise ValueError("of devices, only GPUs are understood: capabilities: [gpu]")
        count = device.get("count", "all")
        ids = tuple(map(str, sequence(device.get("device_ids") or [])))
        driver = str(device.get("driver") or "")
        self._limits["gpu"] = Gpu(count=-1 if count == "all" else int(count), ids=ids, driver=driver)

    def limit(self, key: str, value: Any) -> None:
        """A limit."""
        self._limits[key] = value

    def restart(self, value: Any) -> None:
        """When it is started again: by our supervisor."""
        word = str(value).partition(":")[0].lower()
        rules = {"no": "temporary", "false": "temporary", "always": "permanent", "unless-stopped": "permanent"}
        rules["on-failure"] = "transient"
        if word not in rules:
            raise ValueError(f"{value} is none of no, always, on-failure and unless-stopped")
        self._given["restart"] = msgspec.convert({"policy": rules[word]}, RestartRule)

    def networks(self, value: Any) -> None:
        """The network that it shares with others."""
        by_name = mapping(value) if isinstance(value, dict) else {str(name): None for name in sequence(value)}
        if len(by_name) != 1:
            raise ValueError("a service is in one network here; put what it talks to into the same")
        ((name, options),) = by_name.items()
        declared = self._declared("networks", name)
        if unknown := {key for key, item in declared.items() if item} - {"name", "driver", "labels"}:
            raise ValueError(f"the network {name} has {', '.join(sorted(unknown))}, which is not understood")
        self._given["network"] = str(declared.get("name") or f"{self._project}_{name}")
        self._given["aliases"] = (self._name, *map(str, sequence(mapping(options or {}).get("aliases") or [])))

    def network_mode(self, value: Any) -> None:
        """``none``, ``bridge``, or what has to be allowed."""
        self._given |= {"network": str(value), "aliases": ()}

    def labels(self, value: Any) -> None:
        """Labels, as a mapping or a list."""
        self._given["labels"] = _pairs(value, {})

    def plain(self, key: str, value: Any) -> None:
        """A text."""
        self._given[key] = str(value)

    def stop_grace_period(self, value: Any) -> None:
        """A duration."""
        self._given["stop_grace"] = float(read_seconds(value))

    def read_only(self, value: Any) -> None:
        """Whether its files can be changed."""
        self._given["read_only"] = bool(value)

    def cap_add(self, value: Any) -> None:
        """Linux capabilities; each has to be allowed."""
        self._given["cap_add"] = tuple(map(str, sequence(value)))

    def tmpfs(self, value: Any) -> None:
        """One path, or several, each with options."""
        paths = [str(each) for each in ([value] if isinstance(value, str) else sequence(value))]
        self._extra["Tmpfs"] = {path.partition(":")[0]: path.partition(":")[2] or "rw,nosuid,nodev" for path in paths}

    def security_opt(self, value: Any) -> None:
        """Options, each of which has to be allowed, but the one that is always set."""
        own = {"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"}
        self._extra["SecurityOpt"] = [str(each) for each in sequence(value) if str(each) not in own]

    def devices(self, value: Any) -> None:
        """Devices; each has to be allowed."""
        made: list[Json] = []
        for each in sequence(value):
            host, _, rest = str(each).partition(":")
            inside, _, rights = rest.partition(":")
            made.append({"PathOnHost": host, "PathInContainer": inside or host, "CgroupPermissions": rights or "rwm"})
        self._extra["Devices"] = made

    def ulimits(self, value: Any) -> None:
        """Limits of the kernel: one number, or soft and hard."""
        limits: list[Json] = []
        for name, limit in mapping(value).items():
            both = mapping(limit) if isinstance(limit, dict) else {"soft": limit, "hard": limit}
            limits.append({"Name": name, "Soft": int(both["soft"]), "Hard": int(both["hard"])})
        self._extra["Ulimits"] = limits

    def extra_hosts(self, value: Any) -> None:
        """Names of hosts, as a mapping or a list."""
        if isinstance(value, dict):
            self._extra["ExtraHosts"] = [f"{host}:{address}" for host, address in mapping(value).items()]
        else:
            self._extra["ExtraHosts"] = [str(each).replace("=", ":", 1) for each in sequence(value)]

    def sysctls(self, value: Any) -> None:
        """Parameters of the kernel; each has to be allowed."""
        self._extra["Sysctls"] = _pairs(value, {})

    def host(self, key: str, value: Any) -> None:
        """What the engine is told as it is."""
        self._extra[key] = value


Translator = Callable[[Translation, Any], None]


def _plain(name: str) -> Translator:
    return lambda translation, value: translation.plain(name, value)


def _words(name: str) -> Translator:
    return lambda translation, value: translation.words(name, value)


def _limit(name: str, convert: Callable[[Any], Any]) -> Translator:
    return lambda translation, value: translation.limit(name, convert(value))


def _host(name: str, convert: Callable[[Any], Any] = str) -> Translator:
    """Pass a key on as one of the engine's ``HostConfig``; whether that may be, `policy` says."""
    return lambda translation, value: translation.host(name, convert(value))


TRANSLATORS: Final[dict[str, Translator]] = {
    "build": Translation.build,
    "cap_add": Translation.cap_add,
    "command": _words("command"),
    "cpus": _limit("cpus", float),
    "depends_on": lambda _translation, _value: None,  # is the order
    "deploy": Translation.deploy,
    "devices": Translation.devices,
    "entrypoint": _words("entrypoint"),
    "env_file": Translation.env_file,
    "environment": Translation.environment,
    "extra_hosts": Translation.extra_hosts,
    "gpus": Translation.gpus,
    "healthcheck": Translation.healthcheck,
    "hostname": _plain("hostname"),
    "image": _plain("image"),
    "init": _host("Init", bool),
    "ipc": _host("IpcMode"),
    "labels": Translation.labels,
    "mem_limit": _limit("memory", read_bytes),
    "network_mode": Translation.network_mode,
    "networks": Translation.networks,
    "pid": _host("PidMode"),
    "pids_limit": _limit("processes", int),
    "platform": _plain("platform"),
    "ports": Translation.ports,
    "privileged": _host("Privileged", bool),
    "read_only": Translation.read_only,
    "restart": Translation.restart,
    "runtime": _host("Runtime"),
    "secrets": Translation.secrets,
    "security_opt": Translation.security_opt,
    "shm_size": _host("ShmSize", lambda value: int(read_bytes(value))),
    "stop_grace_period": Translation.stop_grace_period,
    "stop_signal": _plain("stop_signal"),
    "sysctls": Translation.sysctls,
    "tmpfs": Translation.tmpfs,
    "ulimits": Translation.ulimits,
    "user": _plain("user"),
    "userns_mode": _host("UsernsMode"),
    "uts": _host("UTSMode"),
    "volumes": Translation.volumes,
    "working_dir": _plain("working_dir"),
}


def _pairs(value: Any, variables: Mapping[str, str]) -> dict[str, str]:
    """Read a mapping, or a list of ``NAME=value``; a name alone stands for the variable of that name, if it is set."""
    if isinstance(value, dict):
        pairs = list(mapping(value).items())
    else:
        split = (str(each).partition("=") for each in sequence(value))
        pairs = [(name, item if equals else None) for name, equals, item in split]
    read: dict[str, str] = {}
    for name, item in pairs:
        if item is not None:
            read[name] = str(item).lower() if isinstance(item, bool) else str(item)
        elif name in variables:
            read[name] = variables[name]
    return read


_SHORT: Final = re.compile(
    r"(?:(?P<address>\[[0-9a-fA-F:]+\]|\d+(?:\.\d+){3}):)?(?:(?P<host>[\d-]*):)?(?P<container>[\d-]+)(?:/(?P<protocol>tcp|udp))?"
)


def _ports(value: Any) -> list[Port]:
    """Read one entry of ``ports``, short or long; a range is several."""
    if isinstance(value, dict):
        given = dict(mapping(value))
        for key in ("mode", "name", "app_protocol"):
            given.pop(key, None)
        address = str(given.pop("host_ip", "127.0.0.1"))
        containers, hosts = str(given.pop("target")), str(given.pop("published", ""))
        protocol = given.pop("protocol", "tcp")
        if given:
            raise ValueError(f"{', '.join(given)} is not understood")
    else:
        if isinstance(value, int) and value > 65535:
            raise ValueError(f"{value} is no port; YAML reads 56:22 as a number: put it in quotes")
        match = _SHORT.fullmatch(str(value))
        if match is None:
            raise ValueError(f"{value!r} is no port; one is like 8080:80 or 80")
        address = (match["address"] or "127.0.0.1").strip("[]")
        containers, hosts, protocol = match["container"], match["host"] or "", match["protocol"] or "tcp"
    inside, outside = _range(containers), _range(hosts)
    if outside and len(outside) != len(inside):
        raise ValueError(f"{hosts}:{containers}: both ranges are equally long here")
    pairs = zip(inside, outside or [0] * len(inside), strict=True)
    return [
        msgspec.convert({"container": port, "host": host, "protocol": protocol, "address": address}, Port)
        for port, host in pairs
    ]


def _range(text: str) -> list[int]:
    if not text:
        return []
    first, _, last = text.partition("-")
    ports = list(range(int(first), int(last or first) + 1))
    if not ports or len(ports) > 1000:
        raise ValueError(f"{text} is no range of ports")
    return ports
