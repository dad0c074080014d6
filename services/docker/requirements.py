"""What a service needs of the machine, looked at before it is started, so that the error says what to do."""

import shutil
from pathlib import Path
from typing import Final

from anyio import CapacityLimiter, to_thread

from .engine import Engine
from .errors import EngineRefused, Unmet
from .manifest import Gpu, Requirements
from .units import show_bytes
from .wire import Info

NO_DEVICE_DRIVER: Final = "could not select device driver"
"""What an engine says that has no driver for the GPUs it is asked for."""
CDI: Final = ("/etc/cdi", "/var/run/cdi")
"""Where descriptions of devices are, which newer engines know GPUs by."""


async def check_requirements(engine: Engine, service: str, needs: Requirements, files: CapacityLimiter) -> None:
    """Check that a service can run here.

    Raises:
        Unmet: It can't; the text says what is missing and what to do.
        EngineError: The engine can't be reached.
    """
    info = await engine.info()
    if info.memory and needs.memory > info.memory:
        have = f"requires {show_bytes(needs.memory)} of memory, and this machine has {show_bytes(info.memory)}"
        raise Unmet(f"{service} {have}; lower requirements.memory, or run it elsewhere")
    if info.cpus and needs.cpus > info.cpus:
        have = f"requires {needs.cpus:g} processors, and this machine has {info.cpus}"
        raise Unmet(f"{service} {have}; lower requirements.cpus, or run it elsewhere")
    if needs.disk:
        await to_thread.run_sync(_check_disk, service, needs.disk, info.root, limiter=files)
    if needs.gpus is not None:
        problem = await to_thread.run_sync(_gpu_problem, needs.gpus, info, limiter=files)
        if problem:
            raise no_gpu(service, problem)


def explained(service: str, error: EngineRefused) -> EngineRefused | Unmet:
    """Return what the engine's refusal to start a container means, if it is about GPUs."""
    if NO_DEVICE_DRIVER in error.message:
        return no_gpu(service, "the engine has no driver for GPUs: the NVIDIA container toolkit is missing")
    return error


def no_gpu(service: str, problem: str) -> Unmet:
    """Return the error of a service that has no GPU."""
    return Unmet(
        f"{service} requires a GPU, and {problem}. For NVIDIA: install the driver and nvidia-container-toolkit, run "
        "`nvidia-ctk runtime configure --runtime=docker`, restart the engine. Or run the variant without a GPU"
    )


def _check_disk(service: str, needed: int, root: str) -> None:
    folder = Path(root)
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    try:
        free = shutil.disk_usage(folder).free
    except PermissionError:  # an engine without root keeps its files to itself
        return
    if free < needed:
        have = f"requires {show_bytes(needed)} of disk, and {show_bytes(free)} are free in {root}"
        raise Unmet(f"{service} {have}; `docker system prune` makes room")


def _gpu_problem(gpu: Gpu, info: Info) -> str:
    """Return what is missing for GPUs; empty if nothing is, as far as can be seen from here."""
    described = any(any(Path(folder).glob("*nvidia*")) for folder in (*CDI, *(info.cdi_directories or ())))
    if "nvidia" in (info.runtimes or {}) or described or shutil.which("nvidia-container-runtime-hook"):
        devices = len(list(Path("/proc/driver/nvidia/gpus").glob("*")))
        if devices and gpu.count > devices and not gpu.ids:
            return f"this machine has {devices}, not {gpu.count}"
        return "" if devices or described else "no NVIDIA driver is loaded"
    if gpu.driver not in {"", "nvidia"}:
        return ""  # only the engine knows
    return "the engine can't give it one"
