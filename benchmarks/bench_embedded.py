"""The embedded engines: what a second of audio costs, how soon the first comes, what they hold in memory.

Each engine is measured in a process of its own, as it is used; that process is this file with the engine's name for an
argument. The recognisers hear espeak-ng, so that nothing is said here about how well they recognise people.
"""

import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import msgspec
import numpy as np
import soxr
from harness import Row, at_most, percentile
from troupe.actors.contracts import TextPart, Turn
from troupe.actors.inference.demonstration import DemonstrationModel
from troupe.actors.inference.espeak import EspeakEngine
from troupe.actors.inference.pocketsphinx import PocketsphinxEngine, PocketsphinxUtterance, one_of

TEXT = "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of foolishness. "
VOICE = "en-us+klatt4"  # the one that pocketsphinx understands best
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
CONVERSATION = tuple(
    Turn(role=role, parts=(TextPart(text),))
    for role, text in (("user", "my name is ada"), ("assistant", "Nice to meet you, Ada."), ("user", "tell me a story"))
)


def memory() -> float:
    """This process's own memory, in MiB: its share of shared pages included."""
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def real_time(what: str, factor: float, goal: float) -> Row:
    """A row of CPU seconds per second of audio, beside real time."""
    return at_most(goal, what=what, value=factor, unit="CPU s/s", floor=1.0, floor_name="real time")


def espeak(*, quick: bool) -> list[Row]:
    before = memory()
    started = time.perf_counter()
    engine = EspeakEngine.open()
    opened = time.perf_counter() - started
    first: list[float] = []
    for _ in range(20 if quick else 300):
        started = time.perf_counter()
        speech = engine.synthesize(TEXT)
        next(speech)
        first.append(time.perf_counter() - started)
        speech.close()
    seconds = 0.0
    cpu = time.process_time()
    for chunk in engine.synthesize(TEXT * (2 if quick else 50)):
        seconds += len(chunk.pcm) / 2 / engine.rate
    cpu = time.process_time() - cpu
    return [
        real_time("espeak: CPU per second of speech", cpu / seconds, 0.01),
        Row(what="espeak: first chunk, p50", value=1e3 * percentile(first, 0.5), unit="ms"),
        Row(what="espeak: first chunk, p99", value=1e3 * percentile(first, 0.99), unit="ms"),
        Row(what="espeak: open", value=1e3 * opened, unit="ms"),
        Row(what="espeak: memory", value=memory() - before, unit="MiB"),
    ]


def spoken(text: str) -> bytes:
    """Speech at 16 kHz, made in another process: the recogniser's own is measured."""
    command = [sys.executable, __file__, "say", text]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def say(text: str) -> bytes:
    engine = EspeakEngine.open()
    pcm = b"".join(chunk.pcm for chunk in engine.synthesize(text, voice=VOICE))
    return soxr.resample(np.frombuffer(pcm, "<i2"), engine.rate, 16000).astype("<i2").tobytes()


def hear(start: Callable[[], PocketsphinxUtterance], pcm: bytes, times: int) -> tuple[float, float, float]:
    """CPU seconds per second of audio; medians of the longest push of an utterance and of finishing it, in ms."""
    longest: list[float] = []
    finishing: list[float] = []
    cpu = time.process_time()
    for _ in range(times):
        utterance = start()
        pushes: list[float] = []
        for offset in range(0, len(pcm), 640):  # 20 ms, as they come
            began = time.perf_counter()
            utterance.push(pcm[offset : offset + 640])
            pushes.append(time.perf_counter() - began)
        began = time.perf_counter()
        utterance.finish()
        finishing.append(time.perf_counter() - began)
        longest.append(max(pushes))
    cpu = time.process_time() - cpu
    return cpu / (times * len(pcm) / 32000), 1e3 * percentile(longest, 0.5), 1e3 * percentile(finishing, 0.5)


def pocketsphinx(*, quick: bool) -> list[Row]:
    sentence, digit = spoken(TEXT), spoken("seven")
    before = memory()
    started = time.perf_counter()
    engine = PocketsphinxEngine.open(decoders=2)
    opened = time.perf_counter() - started
    one = memory()
    engine.start().abandon()
    utterances = [engine.start(), engine.start()]
    two = memory()
    for utterance in utterances:
        utterance.abandon()
    small = PocketsphinxEngine.open(decoders=1, free_speech=False)
    without = memory()
    grammar = one_of(DIGITS)
    free, push, finish = hear(engine.start, sentence, 1 if quick else 5)
    listed, list_push, list_finish = hear(lambda: small.start(grammar), digit, 3 if quick else 50)
    return [
        real_time("pocketsphinx, free speech: CPU per second", free, 0.25),
        Row(what="pocketsphinx, free speech: longest push of 20 ms", value=push, unit="ms"),
        Row(what="pocketsphinx, free speech: finish", value=finish, unit="ms"),
        real_time("pocketsphinx, ten words: CPU per second", listed, 0.05),
        Row(what="pocketsphinx, ten words: longest push of 20 ms", value=list_push, unit="ms"),
        Row(what="pocketsphinx, ten words: finish", value=list_finish, unit="ms"),
        Row(what="pocketsphinx: open", value=1e3 * opened, unit="ms"),
        Row(what="pocketsphinx: memory of the first decoder", value=one - before, unit="MiB"),
        Row(what="pocketsphinx: memory of a further decoder", value=two - one, unit="MiB"),
        Row(what="pocketsphinx: memory of one without free speech", value=without - two, unit="MiB"),
    ]


def demonstration(*, quick: bool) -> list[Row]:
    model = DemonstrationModel(lambda: datetime.now().astimezone())
    first: list[float] = []
    pieces = 0
    cpu = time.process_time()
    for _ in range(20 if quick else 500):
        started = time.perf_counter()
        answer = model.generate(CONVERSATION)
        next(answer)
        first.append(time.perf_counter() - started)
        pieces += 1 + sum(1 for _ in answer)
    cpu = time.process_time() - cpu
    return [
        Row(what="demonstration: first token, p50", value=1e3 * percentile(first, 0.5), unit="ms"),
        Row(what="demonstration: first token, p99", value=1e3 * percentile(first, 0.99), unit="ms"),
        Row(what="demonstration: tokens", value=pieces / cpu, unit="/CPU s"),
    ]


ENGINES = {"espeak": espeak, "pocketsphinx": pocketsphinx, "demonstration": demonstration}


def rows(*, quick: bool) -> list[Row]:
    """Measure each engine in a process of its own."""
    measured: list[Row] = []
    for name in ENGINES:
        command = [sys.executable, __file__, name, *(["--quick"] if quick else [])]
        output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
        measured += msgspec.json.decode(output, type=list[Row])
    return measured


if __name__ == "__main__":
    if sys.argv[1] == "say":
        sys.stdout.buffer.write(say(sys.argv[2]))
    else:
        sys.stdout.buffer.write(msgspec.json.encode(ENGINES[sys.argv[1]](quick="--quick" in sys.argv)))
