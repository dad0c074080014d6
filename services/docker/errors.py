"""What can go wrong with services in containers.

::

    ServiceError (never raised itself)
    ├── EngineError (never raised itself)
    │   ├── EngineAbsent        there is no engine at its address, or it does not run
    │   ├── EngineForbidden     it is there, and this user may not use it
    │   ├── EngineSilent        it does not answer in time
    │   └── EngineRefused       it said no; `status` and its own words are in it
    ├── ImageMissing            there is no such image, and it can't be had
    ├── BuildFailed             an image could not be built
    ├── PortTaken               somebody else listens on the port
    ├── Unmet                   this machine does not have what the service requires
    ├── Forbidden               the service asks for what nobody has allowed
    ├── ContainerDied           it ended, on its own or by force
    ├── NeverHealthy            it runs, and was not ready within its grace
    ├── BecameUnhealthy         it runs, and its health check has failed too often
    ├── NotRunning              nobody can use it now
    └── NoSuchPort              it has no port of that name

A mistake in a manifest or a Compose file is a `troupe.services.config.ConfigError`: file, line and fix.
"""

from collections.abc import Iterable, Sequence


class ServiceError(Exception):
    """Base of all errors of services; never raised itself. The text says what to do about it."""


class EngineError(ServiceError):
    """Base of all errors of the engine; never raised itself."""


class EngineAbsent(EngineError):
    """There is no engine at its address, or it does not run."""


class EngineForbidden(EngineError):
    """The engine is there, and this user may not use it."""


class EngineSilent(EngineError):
    """The engine does not answer in time."""


class EngineRefused(EngineError):
    """The engine said no.

    Args:
        status: As in HTTP.
        message: What it said.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"the engine refused ({status}): {message}")
        self.status = status
        self.message = message


class ImageMissing(ServiceError):
    """There is no such image here, and it can't be had."""


class BuildFailed(ServiceError):
    """An image could not be built."""


class PortTaken(ServiceError):
    """Somebody else listens on the port that a service is to have."""


class Unmet(ServiceError):
    """This machine does not have what the service requires."""


class Forbidden(ServiceError):
    """The service asks for what nobody has allowed.

    Args:
        service: Its name.
        refusals: What is refused, each with the words that would allow it.
    """

    def __init__(self, service: str, refusals: Sequence[str]) -> None:
        super().__init__(f"{service} is refused:\n" + "\n".join(f"  {refusal}" for refusal in refusals))
        self.refusals = tuple(refusals)


class ContainerDied(ServiceError):
    """A container ended, on its own or by force.

    Args:
        service: Its name.
        exit_code: 137 is SIGKILL.
        out_of_memory: Whether the kernel killed it for its memory.
        last_lines: What it had written last. Not in the text, which goes to logs: a service may write what users say.
    """

    def __init__(
        self, service: str, exit_code: int, *, out_of_memory: bool = False, last_lines: Sequence[str] = ()
    ) -> None:
        if out_of_memory:
            how = "was killed: it took more memory than it may (see requirements.memory)"
        else:
            how = f"ended with exit code {exit_code}"
        super().__init__(f"{service} {how}")
        self.exit_code = exit_code
        self.out_of_memory = out_of_memory
        self.last_lines = tuple(last_lines)


class NeverHealthy(ServiceError):
    """A container runs, and was not ready within its grace.

    Args:
        service: Its name.
        grace: Seconds that it had.
        remark: What its health check said last.
        last_lines: See `ContainerDied`.
    """

    def __init__(self, service: str, grace: float, remark: str, last_lines: Sequence[str] = ()) -> None:
        super().__init__(f"{service} was not healthy within {grace:g} s: {remark}; a longer start_grace may help")
        self.last_lines = tuple(last_lines)


class BecameUnhealthy(ServiceError):
    """A container runs, and its health check has failed too often in a row."""


class NotRunning(ServiceError):
    """No replica of a service can be used now."""

    def __init__(self, service: str) -> None:
        super().__init__(f"{service} does not run")


class NoSuchPort(ServiceError):
    """A service has no port of that name."""

    def __init__(self, service: str, port: str, known: Iterable[str]) -> None:
        super().__init__(f"{service} has no port {port}; there are {', '.join(known)}")
