"""What a container may be: an allow-list over the whole of what the engine is asked for.

The engine is root on its machine, so whoever can ask it for any container has that machine. What a manifest or a
Compose file comes to is therefore looked at once it is complete, just before it is sent. Each key is on the list with
a rule that says what of it is harmless; what is not, needs a permission by name; a key that is not on the list is
refused.

Permissions are words that whoever runs the service writes down (``allow = ["mount:/data"]``), never its author:

======================  ============================================================================
``privileged``          all of the machine
``network:host``        the machine's own network; ``network:container:NAME`` likewise
``pid:host``            its processes; ``ipc:host``, ``uts:host``, ``userns:host`` and ``cgroup:host`` likewise
``mount:/PATH``         this folder, and what is below it
``port:ADDRESS``        ports on an address other than loopback
``capability:NAME``     a Linux capability
``device:/dev/NAME``    a device
``security:OPTION``     a looser security option, such as ``seccomp=unconfined``
``sysctl:NAME``         a kernel parameter
``runtime:NAME``        another runtime than the engine's own
``variable:NAME``       a variable of Troupe's environment, for a secret or a Compose file
======================  ============================================================================
"""

import ipaddress
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from ..config.errors import ConfigError
from .errors import Forbidden
from .wire import Json

MEANINGS: Final = {
    "privileged": "privileged is all of this machine",
    "network": "the network {} is not the service's own",
    "pid": "the process table {} is not the service's own",
    "ipc": "the shared memory {} is not the service's own",
    "uts": "the host name {} is not the service's own",
    "userns": "the user namespace {} is not the service's own",
    "cgroup": "the control group {} is not the service's own",
    "mount": "{} is not in the service's folder",
    "port": "a port on {} can be reached from elsewhere",
    "capability": "the capability {} is more than a service needs",
    "device": "the device {} is this machine's",
    "security": "the security option {} takes protection away",
    "sysctl": "{} is a parameter of the kernel",
    "runtime": "{} is not the engine's own runtime",
    "variable": "the variable {} is Troupe's own",
}
"""By the kind of a permission, what it is needed for."""


Rule = Callable[[Any], Iterator[str]]


def check(
    service: str,
    body: Json,
    *,
    folder: Path,
    allowed: frozenset[str],
    files: Iterable[Path] = (),
    variables: Iterable[str] = (),
    own: Iterable[Path] = (),
) -> None:
    """Check what the engine is to be asked for, and what is read for it. It looks at files: call it in a thread.

    Args:
        service: Whose container it is, for the error.
        body: The whole of what the engine is asked for.
        folder: The service's own folder, which it may mount.
        allowed: Permissions; see above.
        files: What is read for it: what it is built from, its environment, its secrets.
        variables: Which variables of Troupe's environment are read for it.
        own: Files that Troupe itself mounts.

    Raises:
        Forbidden: Something is not allowed; nothing has been made.
    """
    needed = [
        *_judge(body, _BODY, ""),
        *_judge(body.get("HostConfig", {}), _HOST, "HostConfig."),
        *(f"mount:{path.resolve()}" for path in files),
        *(f"variable:{name}" for name in variables),
    ]
    _refuse(service, needed, (folder.resolve(), *own), allowed)


def check_files(service: str, files: Iterable[str], *, folder: Path, allowed: frozenset[str]) -> None:
    """Check what is read before anything is known of a service: paths, and addresses that look like one.

    Raises:
        Forbidden: One is not in the service's folder.
    """
    needed = [
        f"!{file} is elsewhere; a service is made of files that are here"
        if "://" in file or file.startswith("git@")
        else f"mount:{Path(file).resolve()}"
        for file in files
    ]
    _refuse(service, needed, (folder.resolve(),), allowed)


def _refuse(service: str, needed: Sequence[str], own: Sequence[Path], allowed: frozenset[str]) -> None:
    """Raise an error that names what is not allowed."""
    refused = [need for need in needed if not _granted(need, own, allowed)]
    if refused:
        raise Forbidden(service, [_sentence(need) for need in dict.fromkeys(refused)])


def permissions(words: Sequence[str], where: str = "allow") -> frozenset[str]:
    """Return permissions as they are used.

    Raises:
        ConfigError: One of them is none.
    """
    for word in words:
        kind, _, what = word.partition(":")
        if kind not in MEANINGS or (kind != "privileged") != bool(what):
            known = ", ".join(sorted(MEANINGS.keys() - {"privileged"}))
            raise ConfigError(f"{word!r} is no permission; one is privileged, or {known}, then `:` and what", where)
    return frozenset(words)


def _judge(part: Mapping[str, Any], rules: Mapping[str, Rule], prefix: str) -> Iterator[str]:
    """Give the permissions that a part needs. Absent, empty and false is always harmless."""
    for key, value in part.items():
        rule = rules.get(key)
        if rule is None:
            yield f"!{prefix}{key} is not something that a service can ask for"
        elif value or key in _REQUIRED:
            yield from rule(value)
    for key in _REQUIRED & rules.keys() - part.keys():
        yield from rules[key](None)


def _granted(need: str, own: Sequence[Path], allowed: frozenset[str]) -> bool:
    if need in allowed:
        return True
    kind, _, what = need.partition(":")
    if kind != "mount":
        return False
    source = Path(what)
    folders = [Path(word.partition(":")[2]) for word in allowed if word.startswith("mount:")]
    # a socket below an allowed folder is another matter than the files there
    return any(source.is_relative_to(folder) for folder in (*own, *folders)) and not source.is_socket()


def _sentence(need: str) -> str:
    if need.startswith("!"):
        return need[1:]
    kind, _, what = need.partition(":")
    return f'{MEANINGS[kind].format(what)}; to allow it, whoever runs the service writes allow = ["{need}"]'


def _any(_: Any) -> Iterator[str]:
    return iter(())


def _privileged(_: Any) -> Iterator[str]:
    yield "privileged"


def _own_only(kind: str, *harmless: str) -> Rule:
    """Make the rule of a namespace: the container's own is harmless."""

    def rule(value: Any) -> Iterator[str]:
        if str(value) not in harmless:
            yield f"{kind}:{value}"

    return rule


def _network(value: Any) -> Iterator[str]:
    if value == "host" or str(value).startswith(("container:", "ns:")):
        yield f"network:{value}"


def _each(kind: str) -> Rule:
    """Make the rule of a list whose items each need a permission."""

    def rule(value: Any) -> Iterator[str]:
        for item in value:
            yield f"{kind}:{item}"

    return rule


def _devices(value: Any) -> Iterator[str]:
    for device in value:
        yield f"device:{device.get('PathOnHost', '')}"


def _mounts(value: Any) -> Iterator[str]:
    for mount in value:
        match mount.get("Type"):
            case "bind":
                yield f"mount:{Path(mount.get('Source', '/')).resolve()}"
            case "volume" | "tmpfs":
                if mount.get("VolumeOptions"):  # the options of a local volume can mount any folder
                    yield "!a volume's own options are not something that a service can ask for"
            case other:
                yield f"!a mount of the type {other} is not something that a service can ask for"


def _ports(value: Any) -> Iterator[str]:
    for bindings in value.values():
        for binding in bindings:
            address = binding.get("HostIp", "")
            try:
                loopback = ipaddress.ip_address(address).is_loopback
            except ValueError:
                loopback = False
            if not loopback:
                yield f"port:{address or '0.0.0.0'}"  # noqa: S104


def _security(value: Any) -> Iterator[str]:
    given: list[str] = list(value or ())
    if "no-new-privileges" not in given:
        yield "!no-new-privileges is missing"
    for option in given:
        if option != "no-new-privileges":
            yield f"security:{option}"


def _limit(key: str) -> Rule:
    def rule(value: Any) -> Iterator[str]:
        if not isinstance(value, int) or value <= 0:
            yield f"!{key} has no limit"

    return rule


def _dropped(value: Any) -> Iterator[str]:
    if list(value or ()) != ["ALL"]:
        yield "!CapDrop has to be ALL"


def _runtime(value: Any) -> Iterator[str]:
    if value not in {"runc", "nvidia"}:
        yield f"runtime:{value}"


_REQUIRED: Final = frozenset({"SecurityOpt", "Memory", "MemorySwap", "PidsLimit", "CapDrop"})
"""What has to be there."""

_BODY: Final[dict[str, Rule]] = {
    "Image": _any,
    "Cmd": _any,
    "Entrypoint": _any,
    "Env": _any,
    "ExposedPorts": _any,
    "Healthcheck": _any,
    "HostConfig": _any,  # has rules of its own
    "Hostname": _any,
    "Labels": _any,
    "NetworkingConfig": _any,
    "StopSignal": _any,
    "User": _any,
    "WorkingDir": _any,
}

_HOST: Final[dict[str, Rule]] = {
    "CapAdd": _each("capability"),
    "CapDrop": _dropped,
    "CgroupnsMode": _own_only("cgroup", "private"),
    "DeviceRequests": _any,  # GPUs
    "Devices": _devices,
    "ExtraHosts": _any,
    "Init": _any,
    "IpcMode": _own_only("ipc", "private", "none"),
    "Memory": _limit("Memory"),
    "MemorySwap": _limit("MemorySwap"),
    "Mounts": _mounts,
    "NanoCpus": _any,
    "NetworkMode": _network,
    "PidMode": _own_only("pid"),
    "PidsLimit": _limit("PidsLimit"),
    "PortBindings": _ports,
    "Privileged": _privileged,
    "ReadonlyRootfs": _any,
    "Runtime": _runtime,
    "SecurityOpt": _security,
    "ShmSize": _any,
    "Sysctls": _each("sysctl"),
    "Tmpfs": _any,
    "UTSMode": _own_only("uts"),
    "Ulimits": _any,
    "UsernsMode": _own_only("userns"),
}
"""``HostConfig``, where all the danger is. The engine's own restart policy is not here: there is one supervisor, ours.
Nor is ``Binds``, as ``Mounts`` says the same without a second grammar."""
