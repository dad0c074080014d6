"""The frames of a realtime session: each 20 ms of audio costs one decoding and one encoding.

The floors are msgspec with one plain struct, which does no more than base64 and a copy, and the standard library's json
with base64, which is what a server written by hand would do.
"""

import base64
import json
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
from harness import Row, cpu_seconds, interleaved
from troupe.actors.realtime.decoding import decode_client_event
from troupe.actors.realtime.encoding import encode
from troupe.actors.realtime.errors import ClientMistake
from troupe.actors.realtime.large_frames import decode_large_frame
from troupe.actors.realtime.names import Dialect
from troupe.actors.realtime.response_events import ResponseOutputAudioDelta, ResponseOutputTextDelta
from troupe.actors.realtime.session_config import RealtimeSession
from troupe.actors.realtime.session_update import updated

PCM = bytes(range(240)) * 4  # 20 ms at 24 kHz
APPEND = json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(PCM).decode()})
PLACE = {"response_id": "resp_0123456789abcdef", "item_id": "item_0123456789abcdef"}


class Append(msgspec.Struct):
    type: str
    audio: bytes


class Delta(msgspec.Struct):
    type: str
    event_id: str
    response_id: str
    item_id: str
    output_index: int
    content_index: int
    delta: bytes


def rows(*, quick: bool) -> list[Row]:
    rounds = 100 if quick else 20_000
    bare_decoder, bare_encoder = msgspec.json.Decoder(Append), msgspec.json.Encoder()

    def each(function: Callable[[], object], share: float = 1.0) -> Callable[[], float]:
        """CPU time of one call, in microseconds."""
        repeats = max(1, int(rounds * share))

        def loop() -> None:
            for _ in range(repeats):
                function()

        return lambda: cpu_seconds(loop) / repeats * 1e6

    def bare_delta() -> bytes:
        return bare_encoder.encode(Delta("response.output_audio.delta", "event_1", *PLACE.values(), 0, 0, PCM))

    def json_append() -> bytes:
        return base64.b64decode(json.loads(APPEND)["audio"])

    def json_delta() -> bytes:
        delta = base64.b64encode(PCM).decode()
        return json.dumps(
            {"type": "response.output_audio.delta", "event_id": "event_1", **PLACE, "delta": delta}
        ).encode()

    def delta(dialect: Dialect) -> Callable[[], object]:
        return lambda: encode(ResponseOutputAudioDelta(**PLACE, delta=PCM), dialect)

    def mistake() -> None:
        try:
            decode_client_event('{"type":"response.create","response":{"modalities":["text"]}}')
        except ClientMistake:
            return

    session = RealtimeSession(model="gpt-realtime")
    patch = {
        "type": "realtime",
        "instructions": "Be brief.",
        "audio": {"input": {"turn_detection": {"threshold": 0.6}}},
    }
    text = ResponseOutputTextDelta(**PLACE, delta="word")
    (
        append,
        bare_append,
        append_by_json,
        append_beta,
        sent,
        bare_sent,
        sent_by_json,
        sent_beta,
        text_sent,
        created,
        update,
        mistaken,
    ) = interleaved(
        each(lambda: decode_client_event(APPEND)),
        each(lambda: bare_decoder.decode(APPEND)),
        each(json_append),
        each(lambda: decode_client_event(APPEND, Dialect.BETA)),
        each(delta(Dialect.GA)),
        each(bare_delta),
        each(json_delta),
        each(delta(Dialect.BETA)),
        each(lambda: encode(text)),
        each(lambda: decode_client_event('{"type":"response.create"}')),
        each(lambda: updated(session, patch, Dialect.GA), 0.05),
        each(mistake, 0.05),
    )

    megabytes = 1 if quick else 15
    waits, waits_for_all = (kept_waiting(decode, megabytes) for decode in (decode_large_frame, decode_client_event))

    def row(what: str, value: float, **floor: Any) -> Row:
        return Row(what=what, value=value, unit="µs", goal="< 10 µs", met=value < 10, **floor)

    return [
        row("append of 20 ms", append, floor=bare_append, floor_name="msgspec"),
        row("append of 20 ms, beta", append_beta, floor=bare_append, floor_name="msgspec"),
        row("append of 20 ms", append, floor=append_by_json, floor_name="json"),
        row("delta of 20 ms", sent, floor=bare_sent, floor_name="msgspec"),
        row("delta of 20 ms, beta", sent_beta, floor=bare_sent, floor_name="msgspec"),
        row("delta of 20 ms", sent, floor=sent_by_json, floor_name="json"),
        row("text delta", text_sent),
        row("response.create", created),
        Row(what="session.update", value=update, unit="µs"),
        Row(what="a mistake", value=mistaken, unit="µs"),
        Row(
            what="15 MiB in one append, in a thread: Python's lock is kept from the others",
            value=waits,
            unit="ms",
            floor=waits_for_all,
            floor_name="decoded in one go",
            goal="≤ 20 ms",
            met=waits <= 20,
        ),
    ]


def kept_waiting(decode: Callable[[str], object], megabytes: int) -> float:
    """Return the longest that this thread waits for Python's lock while another one decodes, in milliseconds.

    The median of several times: the rest is the machine's.
    """
    frame = APPEND.replace(base64.b64encode(PCM).decode(), base64.b64encode(bytes(megabytes * 2**20)).decode())
    waits: list[float] = []
    for _ in range(9):
        longest = 0.0
        thread = threading.Thread(target=lambda: [decode(frame) for _ in range(3)])
        thread.start()
        while thread.is_alive():
            before = time.perf_counter()
            time.sleep(0.0001)
            longest = max(longest, time.perf_counter() - before)
        waits.append(longest)
    return 1000 * statistics.median(waits)
