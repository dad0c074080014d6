"""Names of classes and functions that mean the same in two processes: ``module:qualified.name``.

The main module is a case of its own: it is ``__main__`` in every process, and in a worker it is the worker. So the
parent says how to get at its own (by name if it was run with ``-m``, else by path), and the worker loads it again
under another name, as `multiprocessing` does: what stands under ``if __name__ == "__main__"`` does not run.
"""

import runpy
import sys
from functools import reduce
from types import ModuleType
from typing import Any, Final, Literal

from ..errors import InvalidActor

MAIN_AGAIN: Final = "__troupe_main__"
"""The name under which a worker loads the main module of its parent."""

Main = tuple[Literal["", "module", "path"], str]


def name_of(thing: Any) -> str:
    """Return the name of a class or function."""
    module = "__main__" if thing.__module__ == MAIN_AGAIN else thing.__module__
    return f"{module}:{thing.__qualname__}"


def find_loaded(name: str) -> Any:
    """Return what has that name in the modules that are loaded; None if there is nothing."""
    module, _, path = name.partition(":")
    return reduce(lambda found, step: getattr(found, step, None), path.split("."), sys.modules.get(module))


def find(name: str) -> Any:
    """Return what has that name, and import its module if need be.

    Raises:
        ImportError: There is no such module, or nothing of that name in it.
        Exception: Whatever the module raises when it is imported.
    """
    module, _, _ = name.partition(":")
    __import__(module)
    found = find_loaded(name)
    if found is None:
        raise ImportError(f"there is no {name.replace(':', '.')}", name=module)
    return found


def check_importable(thing: Any, role: str) -> str:
    """Return the name of a class or function under which another process finds it.

    Raises:
        InvalidActor: It has none, or stands in a main module that has no file.
    """
    name = name_of(thing) if hasattr(thing, "__qualname__") and hasattr(thing, "__module__") else repr(thing)
    if find_loaded(name) is not thing:
        raise InvalidActor(
            f"{role} {name} can't be imported by a worker process: define it at module level, as a class or a function"
        )
    if name.startswith("__main__:"):
        describe_main()
    return name


def describe_main() -> Main:
    """Say how another process gets at this one's main module.

    Raises:
        InvalidActor: It is an interactive session.
    """
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return "module", spec.name
    path = getattr(main, "__file__", None)
    if path is None:
        raise InvalidActor("a worker process can't import from an interactive session: put the actor into a module")
    return "path", path


def load_main(main: Main) -> None:
    """Load the main module of the parent, and let it be ours.

    Raises:
        Exception: Whatever it raises.
    """
    how, where = main
    if how == "":
        return
    module = ModuleType(MAIN_AGAIN)
    sys.modules[MAIN_AGAIN] = sys.modules["__main__"] = module
    try:
        contents = (
            runpy.run_module(where, run_name=MAIN_AGAIN, alter_sys=True)
            if how == "module"
            else runpy.run_path(where, run_name=MAIN_AGAIN)
        )
    except Exception as error:
        error.add_note(
            "A worker process loads the main module again, because its actor is defined there. What the program itself "
            'does has to stand under: if __name__ == "__main__"'
        )
        raise
    module.__dict__.update(contents)
