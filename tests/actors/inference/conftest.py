"""A process of its own for engines with espeak-ng in them, as they have in use.

The library keeps its state in global variables, so that within pytest's process one test would inherit the voice and
the wreckage of another, and a crash would take all tests along. `multiprocessing.managers` gives a spawned process
(forking one that has threads is unsafe) and proxies, of iterators too. What a call raises is raised here as well; what
opening raises comes as a `RemoteError` that quotes it.
"""

from collections.abc import Callable, Iterator
from multiprocessing import get_context
from multiprocessing.managers import BaseManager, IteratorProxy

import pytest
from troupe.actors.inference.espeak import EspeakEngine
from troupe.actors.inference.kokoro import KokoroEngine

# On BaseManager itself, since the other process can't import a class of this file.
BaseManager.register("SpeechChunks", proxytype=IteratorProxy, create_method=False)
for opener in (EspeakEngine.open, KokoroEngine.open):
    BaseManager.register(
        f"open_{opener.__self__.__name__}",
        opener,
        exposed=("voices", "variants", "synthesize", "close"),
        method_to_typeid={"synthesize": "SpeechChunks"},
    )


@pytest.fixture(scope="module")
def start_process() -> Iterator[Callable[[], BaseManager]]:
    """Start a further process."""
    managers: list[BaseManager] = []

    def start() -> BaseManager:
        managers.append(BaseManager(ctx=get_context("spawn")))
        managers[-1].start()
        return managers[-1]

    yield start
    for manager in managers:
        manager.shutdown()


@pytest.fixture(scope="module")
def process(start_process: Callable[[], BaseManager]) -> BaseManager:
    """The process of this module's tests."""
    return start_process()
