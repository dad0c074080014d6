"""Realtime audio, 20 ms at a time: base64 → PCM → another rate; G.711; the ring; what a stream holds; loudness.

Times are CPU of the whole process, so that work done on other threads counts. The resamplers that were not chosen are
measured beside ours: soxr's stream, and libswresample in a filter graph of one thread, fed and drained in the cheapest
way PyAV has.
"""

import itertools
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import av
import numpy as np
import soxr
from av.filter import Graph
from harness import Row, at_most, cpu_seconds, interleaved, resident, threads
from numpy.typing import NDArray
from troupe.codecs.audio_format import PCM16, AudioDecoder
from troupe.codecs.g711 import decode_ulaw, encode_ulaw
from troupe.codecs.loudness import measure
from troupe.codecs.pcm import Pcm
from troupe.codecs.resample import Resampler
from troupe.codecs.ring import Overflow, Ring

Push = Callable[[NDArray[np.int16]], NDArray[np.int16]]
RATIOS = [(24000, 16000), (8000, 16000), (48000, 16000), (24000, 8000), (44100, 16000)]


def ours(input_rate: int, output_rate: int) -> Push:
    return Resampler(input_rate, output_rate).push


def by_soxr(input_rate: int, output_rate: int) -> Push:
    return soxr.ResampleStream(input_rate, output_rate, 1, dtype="int16").resample_chunk


def by_libswresample(input_rate: int, output_rate: int) -> Push:
    graph = Graph()
    graph.threads = 1
    source = graph.add(
        "abuffer", f"sample_rate={input_rate}:sample_fmt=s16:channel_layout=mono:time_base=1/{input_rate}"
    )
    resampler, sink = graph.add("aresample", f"{output_rate}:filter_size=64"), graph.add("abuffersink")
    source.link_to(resampler)
    resampler.link_to(sink)
    graph.configure()

    def push(samples: NDArray[np.int16]) -> NDArray[np.int16]:
        frame = av.AudioFrame("s16", "mono", len(samples))
        frame.planes[0].update(samples)
        frame.sample_rate = input_rate
        source.push(frame)
        try:
            output = sink.pull()
        except av.BlockingIOError:
            return samples[:0]
        return np.frombuffer(output.planes[0], np.int16)[: output.samples]

    push.graph = graph  # type: ignore[attr-defined] # it lives as long as this
    return push


RESAMPLERS = {"ours": ours, "soxr": by_soxr, "libswresample": by_libswresample}


def chirp(rate: int, seconds: float) -> NDArray[np.int16]:
    time = np.arange(round(rate * seconds)) / rate
    return np.rint(12000 * np.sin(2 * np.pi * (200 + 400 * time) * time)).astype(np.int16)


def chunks(samples: NDArray[np.int16], rate: int) -> list[NDArray[np.int16]]:
    size = rate // 50
    return [samples[start : start + size] for start in range(0, len(samples) - size + 1, size)]


def per_call(function: Callable[[Any], object], arguments: Sequence[object]) -> float:
    """CPU µs per call, each argument in turn."""

    def run() -> None:
        for argument in arguments:
            function(argument)

    return cpu_seconds(run) / len(arguments) * 1e6


def lag(push: Push, input_rate: int, output_rate: int) -> float:
    """The most that the output was behind the input, in ms, in a stream of 20 ms chunks."""
    pushed = returned = 0
    worst = 0.0
    for chunk in chunks(chirp(input_rate, 2), input_rate):
        pushed += len(chunk)
        returned += len(push(chunk))
        worst = max(worst, pushed / input_rate - returned / output_rate)
    return worst * 1000


def held(name: str, input_rate: int, output_rate: int, streams: int) -> tuple[float, int]:
    """KiB that a live stream keeps, and threads that all of them add; measured in a process of its own."""
    command = [sys.executable, __file__, name, str(input_rate), str(output_rate), str(streams)]
    kib, added = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(kib), int(added)


def print_held(name: str, input_rate: int, output_rate: int, streams: int) -> None:
    def live() -> Push:
        push = RESAMPLERS[name](input_rate, output_rate)
        for chunk in chunks(chirp(input_rate, 0.2), input_rate):
            push(chunk)
        return push

    kept = [live() for _ in range(streams)]  # they take what all share, and memory that was free already
    bytes_before, threads_before = resident(), threads()
    kept += [live() for _ in range(streams)]
    print((resident() - bytes_before) / streams / 1024, threads() - threads_before)


def resampling(seconds: float, rounds: int) -> Iterator[Row]:
    for rates in RATIOS:
        title = f"{rates[0] / 1000:g} → {rates[1] / 1000:g} kHz"
        stream = chunks(chirp(rates[0], seconds), rates[0])
        measures = [partial(cost_of, make, rates, stream) for make in RESAMPLERS.values()]
        for name, cost in zip(RESAMPLERS, interleaved(*measures, rounds=rounds, best=min), strict=True):
            yield Row(what=f"resample 20 ms, {title}, {name}: CPU", value=cost, unit="µs")
            yield Row(what=f"resample, {title}, {name}: lag", value=lag(RESAMPLERS[name](*rates), *rates), unit="ms")


def cost_of(make: Callable[[int, int], Push], rates: tuple[int, int], stream: list[NDArray[np.int16]]) -> float:
    return per_call(make(*rates), stream)


def memory(streams: int) -> Iterator[Row]:
    if not resident():
        return
    for rates, name in itertools.product([(24000, 16000), (44100, 16000)], RESAMPLERS):
        kib, added = held(name, *rates, streams)
        what = f"a live resampler, {rates[0] / 1000:g} → {rates[1] / 1000:g} kHz, {name}: memory"
        goal = {"goal": "≤ 64 KiB", "met": kib <= 64} if name == "ours" else {}
        yield Row(what=what, value=kib, unit="KiB", **goal)
        if name == "ours":
            yield Row(what=f"threads that {streams} of them add", value=added, unit="", goal="0", met=added == 0)


def realtime_path(seconds: float, rounds: int) -> Iterator[Row]:
    """What 20 ms of a client's audio costs before voice activity detection sees it."""
    pcm = chunks(chirp(24000, seconds), 24000)
    texts = [PCM16.encode_base64(chunk) for chunk in pcm]
    decoder, resampler, ring = AudioDecoder(PCM16), Resampler(24000, 16000), Ring(16000, overflow=Overflow.DROP_OLDEST)
    resampled = [np.empty(320, np.int16)] * len(pcm)

    def whole(text: str) -> None:
        ring.append(resampler.push(decoder.push_base64(text)))

    steps: dict[str, tuple[Callable[[Any], object], Sequence[object]]] = {
        "base64 → PCM": (decoder.push_base64, texts),
        "24 → 16 kHz": (Resampler(24000, 16000).push, pcm),
        "into the ring": (Ring(16000, overflow=Overflow.DROP_OLDEST).append, resampled),
        "PCM → base64, for playing": (PCM16.encode_base64, pcm),
        "base64 → PCM → 16 kHz → ring, all of it": (whole, texts),
    }
    measured = interleaved(*(partial(per_call, *step) for step in steps.values()), rounds=rounds, best=min)
    for name, cost in zip(steps, measured, strict=True):
        goal = {"goal": "part of ≤ 40 µs with VAD and turn", "met": cost <= 40} if "all" in name else {}
        yield Row(what=f"20 ms of PCM16 at 24 kHz: {name}", value=cost, unit="µs", **goal)


def encode_ulaw_naively(samples: list[int]) -> bytes:
    """The procedure of ITU-T G.191, sample by sample."""
    codes = bytearray()
    for sample in samples:
        magnitude = min(((~sample if sample < 0 else sample) >> 2) + 33, 0x1FFF)
        segment = magnitude.bit_length() - 5
        code = (8 - segment) << 4 | (0xF - (magnitude >> segment & 0xF))
        codes.append(code if sample < 0 else code | 0x80)
    return bytes(codes)


def g711(rounds: int, repeats: int) -> Iterator[Row]:
    samples = chirp(8000, 0.02)
    data, numbers = encode_ulaw(samples), samples.tolist()
    encode, decode, naive = interleaved(
        partial(per_call, encode_ulaw, [samples] * repeats),
        partial(per_call, decode_ulaw, [data] * repeats),
        partial(per_call, encode_ulaw_naively, [numbers] * repeats),
        rounds=rounds,
        best=min,
    )
    assert encode_ulaw_naively(numbers) == data
    name = "a loop over the samples"
    yield at_most(0.2, what="G.711 µ-law, encode 20 ms", value=encode, unit="µs", floor=naive, floor_name=name)
    yield at_most(0.2, what="G.711 µ-law, decode 20 ms", value=decode, unit="µs", floor=naive, floor_name=name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            import audioop
        except ImportError:  # gone from Python 3.13
            return
    linear = samples.tobytes()
    (by_audioop,) = interleaved(
        partial(per_call, lambda raw: audioop.lin2ulaw(raw, 2), [linear] * repeats), rounds=rounds, best=min
    )
    yield Row(what="G.711 µ-law, encode 20 ms, audioop (gone from 3.13)", value=by_audioop, unit="µs")


def loudness(seconds: int, rounds: int) -> Row:
    left = chirp(48000, seconds)
    pcm = Pcm(np.ascontiguousarray(np.stack((left, left[::-1]), axis=1)), 48000)
    cost = min(cpu_seconds(lambda: measure(pcm)) for _ in range(rounds))
    return Row(what="EBU R 128 of stereo at 48 kHz: seconds of audio per second of CPU", value=seconds / cost, unit="")


def rows(*, quick: bool) -> list[Row]:
    seconds, rounds = (0.5, 1) if quick else (20.0, 9)
    return [
        *realtime_path(seconds, rounds),
        *resampling(seconds, rounds),
        *memory(20 if quick else 500),
        *g711(rounds, 20 if quick else 2000),
        loudness(2 if quick else 60, rounds=1 if quick else 3),
    ]


if __name__ == "__main__":  # the child process of `held`
    print_held(sys.argv[1], *map(int, sys.argv[2:]))
