"""The server with OpenAI's client, and a small recogniser in place of Whisper."""

import io
import threading
from collections.abc import Iterator
from typing import Any

import av
import httpx2
import numpy as np
import pytest
from numpy.typing import NDArray
from sdk import official, unknown_members
from shipped import served, wav
from troupe.services.shipped.serving.refusals import EngineFailed
from troupe.services.shipped.whisper.app import application
from troupe.services.shipped.whisper.engine import Recognition, Segment, Task
from troupe.services.shipped.whisper.settings import Settings

openai: Any = official("openai")

TEXT = "one two three four five"
TONE = wav(np.zeros(16_000, np.int16), 16_000)


def transcribe(client: Any, recording: bytes, **options: Any) -> Any:
    return client.audio.transcriptions.create(file=("speech.wav", recording), **{"model": "whisper-1"} | options)


def test_formats(client: Any, recording: bytes) -> None:
    plain = transcribe(client, recording, language="en", prompt="numbers", temperature=0)
    assert plain.text == TEXT
    assert plain.usage.type == "duration"
    assert not list(unknown_members(plain))
    assert transcribe(client, recording, response_format="text") == f"{TEXT}\n"
    assert transcribe(client, recording, response_format="srt").startswith("1\n00:00:00,0")
    assert transcribe(client, recording, response_format="vtt").startswith("WEBVTT\n\n00:00:00.0")
    verbose = transcribe(
        client, recording, response_format="verbose_json", timestamp_granularities=["word", "segment"], model="large-v3"
    )
    assert list(unknown_members(verbose)) == [".task"]  # which the API's description has
    assert (verbose.text, verbose.language) == (TEXT, "english")
    assert [word.word for word in verbose.words] == TEXT.split()
    assert [segment.text for segment in verbose.segments] == [" one two", " three four", " five"]
    assert 0 <= verbose.words[0].start < verbose.words[0].end <= verbose.words[1].start
    assert verbose.segments[-1].end <= verbose.duration == pytest.approx(plain.usage.seconds)


def test_a_stream_has_the_segments_as_they_are_heard(client: Any, recording: bytes) -> None:
    *deltas, done = transcribe(client, recording, stream=True)
    assert [delta.delta for delta in deltas] == ["one two", " three four", " five"]
    assert (done.type, done.text) == ("transcript.text.done", TEXT)
    assert not list(unknown_members([*deltas, done]))


@pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")  # OpenAI's endpoint, of which local servers know
def test_translations(client: Any, recording: bytes) -> None:
    assert client.audio.translations.create(file=("a.wav", recording), model="whisper-1").text == TEXT


def test_containers_with_pictures_are_heard_too(client: Any, recording: bytes) -> None:
    buffer = io.BytesIO()
    with av.open(io.BytesIO(recording)) as source, av.open(buffer, "w", format="webm") as target:
        video = target.add_stream("libvpx", rate=25, width=16, height=16)
        audio = target.add_stream("libopus", rate=48_000, layout="stereo")
        target.mux(video.encode(av.VideoFrame(16, 16, "yuv420p")))
        for frame in source.decode(audio=0):
            target.mux(audio.encode(frame))
        for stream in (video, audio):
            target.mux(stream.encode())
    assert transcribe(client, buffer.getvalue()).text == TEXT


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/hostname\n#EXT-X-ENDLIST\n"
LONG = wav(np.zeros(61 * 1_000, np.int16), 1_000)


@pytest.mark.parametrize(
    ("recording", "options", "status", "param"),
    [
        (b"no recording", {}, 400, "file"),
        (PLAYLIST, {}, 400, "file"),
        (b"ffconcat version 1.0\nfile /etc/hostname\n", {}, 400, "file"),
        (b"", {}, 400, "file"),
        (wav(np.zeros(800, np.int16), 16_000), {}, 400, "file"),
        (LONG, {}, 413, "file"),
        (bytes(2**20 + 1), {}, 413, None),
        (TONE, {"language": "klingon"}, 400, "language"),
        (TONE, {"response_format": "diarized_json"}, 400, "response_format"),
        (TONE, {"temperature": 2}, 400, "temperature"),
        (TONE, {"timestamp_granularities": ["letter"]}, 400, "timestamp_granularities"),
    ],
)
def test_refusals(client: Any, recording: bytes, options: Any, status: int, param: str | None) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        transcribe(client, recording, **options)
    assert (caught.value.status_code, caught.value.param) == (status, param)


def test_forms_that_are_none_are_refused(whisper: str) -> None:
    url = f"http://{whisper}/v1/audio/transcriptions"
    for body, kind in ((b"{}", "application/json"), (b"broken", "multipart/form-data; boundary=x"), (b"", "")):
        answer = httpx2.post(url, content=body, headers={"content-type": kind})
        assert answer.status_code == 400
        assert answer.json()["error"]["type"] == "invalid_request_error"
    assert httpx2.post(url, files={"other": TONE}).json()["error"]["param"] == "file"

    def pieces() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
        yield from (bytes(2**16) for _ in range(20))

    answer = httpx2.post(url, content=pieces(), headers={"content-type": "multipart/form-data; boundary=x"})
    assert answer.status_code == 413  # though its length was not declared


class Metronome:
    """Says a word each time it is let, and fails when it is told so."""

    model = "metronome"

    def __init__(self) -> None:
        self.let = threading.Semaphore(0)
        self.began = threading.Semaphore(0)
        self.ended = threading.Semaphore(0)
        self.fails = False

    def transcribe(self, audio: NDArray[np.float32], task: Task) -> Recognition:
        self.began.release()
        return Recognition("en", self._segments())

    def _segments(self) -> Iterator[Segment]:
        try:
            while True:
                self.let.acquire()
                if self.fails:
                    raise EngineFailed("out of memory")
                yield Segment(text=" tick", start=0.0, end=1.0)
        finally:
            self.ended.release()


@pytest.fixture
def metronome() -> Metronome:
    return Metronome()


@pytest.fixture
def ticking(metronome: Metronome) -> Iterator[Any]:
    with served(application(metronome, Settings(at_once=1, waiting=1))) as where:
        with openai.OpenAI(base_url=f"http://{where}/v1", api_key="none", max_retries=0) as client:
            yield client
        metronome.let.release(100)


def test_who_leaves_makes_room(metronome: Metronome, ticking: Any) -> None:
    metronome.let.release()
    first = transcribe(ticking, TONE, stream=True)
    assert next(iter(first)).delta == "tick"
    metronome.began.acquire()
    patient = ticking.with_options(max_retries=50)  # its place may be taken for a moment, see below
    waiting = threading.Thread(target=lambda: next(iter(transcribe(patient, TONE, stream=True))), daemon=True)
    waiting.start()
    while not refused(ticking):  # until the second one waits, the third one does
        pass
    first.close()
    metronome.let.release()  # the step that is under way ends, and no other one begins
    assert metronome.ended.acquire(timeout=30)
    metronome.began.acquire()  # the second one's turn
    metronome.let.release()
    waiting.join(30)
    assert not waiting.is_alive()


def refused(client: Any) -> bool:
    """Whether one more request is refused; if it is not, it leaves."""
    try:
        transcribe(client.with_options(timeout=0.5), TONE)
    except openai.APITimeoutError:
        return False
    except openai.InternalServerError as error:
        return error.status_code == 503 and error.response.headers["retry-after"] == "1"
    return False


@pytest.mark.parametrize("stream", [True, False])
def test_an_engine_that_fails_at_once_is_an_error(metronome: Metronome, ticking: Any, stream: bool) -> None:
    metronome.fails = True
    metronome.let.release()
    with pytest.raises(openai.InternalServerError) as caught:
        transcribe(ticking, TONE, stream=stream)
    assert caught.value.code == "engine_failed"
    assert "memory" not in str(caught.value)


def test_an_engine_that_fails_later_says_so_in_the_stream(metronome: Metronome, ticking: Any) -> None:
    metronome.let.release()
    stream = iter(transcribe(ticking, TONE, stream=True))
    assert next(stream).delta == "tick"
    metronome.fails = True
    metronome.let.release()
    with pytest.raises(openai.APIError, match="engine failed"):
        next(stream)
