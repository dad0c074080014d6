"""An image for tests, made of the Python that runs them: no registry is asked for anything."""

import hashlib
import importlib.util
import io
import json
import subprocess
import sys
import tarfile
from functools import cache
from pathlib import Path

NAME = "troupe-test/python"
HOME = "usr/python"
PATH = f"/{HOME}/bin/python3"
"""Where Python is in the image; there are no site packages, so `-S` saves it a look for them."""
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
PROGRAM = Path(sys._base_executable).resolve()

USUAL = [
    "base64",
    "email.parser",
    "http.server",
    "json",
    "os",
    "re",
    "signal",
    "socket",
    "subprocess",
    "threading",
    "time",
    "wave",
]
"""What programs in the image can import, with what these import themselves."""

LIST = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
modules = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
print(json.dumps({name: file for name, file in modules.items() if file and name != "__main__"}))
"""


def module_files(names: tuple[str, ...]) -> dict[Path, str]:
    """Return the files of modules and of all that they import, with their names in the image."""
    told = subprocess.run([PROGRAM, "-I", "-S", "-c", LIST, *names], capture_output=True, text=True, check=True).stdout
    files: dict[Path, str] = {}
    for name, file in json.loads(told).items():
        path = Path(file)
        if path.suffix == ".py":
            package = path.name == "__init__.py"
            inside = name.replace(".", "/") + ("/__init__.py" if package else ".py")
            files[path] = f"{HOME}/lib/{VERSION}/{inside}"
            compiled = Path(importlib.util.cache_from_source(file))
            if compiled.exists():  # else each start would compile it anew: the image can't be written to
                files[compiled] = str(Path(files[path]).parent / "__pycache__" / compiled.name)
        else:
            files[path] = f"{HOME}/lib/{VERSION}/lib-dynload/{path.name}"
    return files


def libraries(*files: Path) -> set[Path]:
    """Return the shared libraries that programs load, their loader included."""
    told = subprocess.run(["ldd", *files], capture_output=True, text=True, check=False).stdout
    words = {word for line in told.splitlines() if not line.endswith(":") for word in line.split()}
    return {Path(word) for word in words if word.startswith("/")}


@cache
def python_image(*more: str) -> bytes:
    """Return the root file system of an image with this machine's Python, as a tar archive.

    Args:
        more: Modules of the standard library beside the usual ones.
    """
    files = module_files((*USUAL, "encodings.ascii", "encodings.idna", "encodings.latin_1", "site", *more))
    binaries = [PROGRAM, *(path for path in files if path.suffix == ".so")]
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as archive:
        archive.add(PROGRAM, f"{HOME}/bin/python3")
        for path, inside in files.items():
            archive.add(path.resolve(), inside)
        for path in libraries(*binaries):
            in_image = str(path).lstrip("/") if path.name.startswith("ld-") else f"lib/{path.name}"
            archive.add(path.resolve(), in_image)
        link = tarfile.TarInfo("usr/bin/python3")
        link.type, link.linkname = tarfile.SYMTYPE, PATH
        archive.addfile(link)
        for folder in ("tmp", "data", "run/secrets"):
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o777
            archive.addfile(entry)
    return packed.getvalue()


def image_name(*more: str) -> str:
    """Return what the image is called: another Python is another image."""
    about = f"{sys.version} {PROGRAM} {more} {Path(__file__).read_text()}"
    return f"{NAME}:{hashlib.sha256(about.encode()).hexdigest()[:12]}"
