import io
import random
from pathlib import Path

import av
import numpy as np
import pytest
from troupe.codecs.asset import load
from troupe.codecs.decode import read_audio
from troupe.codecs.errors import TooLong, TooManyBytes, UnsupportedFormat
from troupe.codecs.frames import LiveFrames
from troupe.codecs.incremental import IncrementalDecoder
from troupe.codecs.recording import Recording
from troupe.codecs.sampling import Sampling

RATE = 24000
FRAME = RATE // 25
FORMS = ["webm", "ogg", "m4a", "mp3", "aac", "flac", "wav"]
FILMS = [("webm", "vp8"), ("webm", "vp9"), ("mkv", "vp8"), ("mkv", "h264"), ("mp4", "h264")]


def noise(seconds: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9000, 9000, round(seconds * RATE)).astype(np.int16)


def clicks(count: int, *at: int) -> np.ndarray:
    samples = np.zeros(count, np.int16)
    samples[list(at)] = 20_000
    return samples


def positions(samples: np.ndarray) -> list[int]:
    """Where the clicks are: the largest sample of each stretch of loud ones."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 4000)
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > 200) + 1)
    return [int(group[np.argmax(np.abs(samples[group].astype(int)))]) for group in groups]


def read(data: bytes) -> np.ndarray:
    return read_audio(load(data), rate=RATE, channels=2).samples


@pytest.fixture(scope="module")
def films(encoded):
    """Two seconds of black with a white flash at frames 10, 25 and 40."""
    pictures = [np.full((48, 64, 3), 255 * (number in {10, 25, 40}), np.uint8) for number in range(50)]
    return {codec: encoded(codec, pictures) for codec in ("h264", "vp8", "vp9")}


@pytest.mark.parametrize("form", ["wav", "flac"])
@pytest.mark.parametrize("pace", [0.02, 0.7, 100])
def test_each_speaker_is_a_channel_and_gaps_are_silence_to_the_sample(form, pace):
    said = [(0, 0.25, noise(0.5, 1)), (1, 1.0, noise(0.3, 2)), (0, 1.1, noise(1.2, 3)), (1, 2.0001, noise(0.01, 4))]
    expected = np.zeros((round(2.5 * RATE), 2), np.int16)
    file = io.BytesIO()
    recording = Recording(file, form, rate=RATE)
    for speaker, at, samples in said:
        expected[round(at * RATE) :][: len(samples), speaker] = samples
        for start in range(0, len(samples), 480):
            recording.add(speaker, samples[start : start + 480], at + start / RATE)
    for now in np.arange(0, 2.5, pace):
        recording.advance(now)
    recording.finish(2.5)
    assert np.array_equal(read(file.getvalue()), expected)
    assert recording.statistics().written == 2.5
    assert recording.statistics().late == 0


@pytest.mark.parametrize("form", FORMS)
def test_the_clock_is_kept(form):
    delay = {"mp3": 1105, "aac": 1024}.get(form, 0)  # which these have no place for
    file = io.BytesIO()
    with Recording(file, form, rate=RATE) as recording:
        recording.add(0, clicks(RATE, 5000), 0.5)
        recording.add(1, clicks(RATE, 100, 20_000), 1.25)
        recording.advance(3)
    samples = read(file.getvalue())
    assert positions(samples[:, 0]) == [12_000 + 5000 + delay]
    assert positions(samples[:, 1]) == [30_000 + 100 + delay, 30_000 + 20_000 + delay]
    assert 0 <= len(samples) - 2.5 * RATE < (1 if form in {"webm", "ogg", "flac", "wav"} else 2500)


@pytest.mark.parametrize(("form", "codec"), FILMS)
def test_sound_and_picture_stay_together(films, form, codec):
    file = io.BytesIO()
    start = 0.52
    with Recording(file, form, rate=RATE, video=codec) as recording:
        for number, (data, time, _) in enumerate(films[codec]):
            recording.add_video(data, start + time)
            at = [0] if number in {10, 25, 40} else []
            recording.add(number % 2, np.zeros(FRAME, np.int16), start + time)
            recording.add(1 - number % 2, clicks(FRAME, *at), start + time)
            recording.advance(start + time)
    assert (recording.statistics().frames, recording.statistics().dropped_frames) == (50, 0)
    wanted = [round((start + number / 25) * RATE) for number in (10, 25, 40)]
    samples = read(file.getvalue())
    assert positions(samples.max(axis=1)) == wanted
    with av.open(io.BytesIO(file.getvalue())) as container:
        frames = [(frame.time, frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]
    assert [time for time, _ in frames] == pytest.approx([start + number / 25 for number in range(50)], abs=0.6e-3)
    assert [time * RATE for time, light in frames if light > 128] == pytest.approx(wanted, abs=0.6e-3 * RATE)


def written_step_by_step(form: str, film=None, codec=None) -> tuple[bytes, list[tuple[int, float, int]]]:
    """Record three seconds; return the file before its end, and its size, seconds and frames after each step."""
    file = io.BytesIO()
    recording = Recording(file, form, rate=RATE, video=codec, late=0.1)
    sounds, steps = [noise(3, 1), noise(3, 2)], []
    for number in range(75):
        for speaker, sound in enumerate(sounds):
            recording.add(speaker, sound[number * FRAME : (number + 1) * FRAME], number / 25)
        if film:
            recording.add_video(film[number % 50].data, number / 25)
        recording.advance((number + 1) / 25)
        statistics = recording.statistics()
        steps.append((len(file.getvalue()), statistics.written, statistics.frames))
    assert len(file.getvalue()) == steps[-1][0]
    del recording  # dropped, it writes nothing any more
    assert len(file.getvalue()) == steps[-1][0]
    return file.getvalue(), steps


@pytest.mark.parametrize("form", FORMS)
def test_after_a_crash_the_audio_is_there(form):
    data, steps = written_step_by_step(form)
    for size, written, _ in [step for step in steps if step[1] > 0.4][::9]:
        for cut in (size, min(size + 37, len(data))):
            assert len(read(data[:cut])) / RATE >= written - (0.35 if form == "m4a" else 0.1)
    decoder = IncrementalDecoder()  # and somebody may listen while it is recorded
    assert sum(piece.duration for piece in decoder.push(data)) >= steps[-1][1] - 0.35


@pytest.mark.parametrize(("form", "codec"), FILMS)
def test_after_a_crash_the_video_is_there(films, form, codec):
    data, steps = written_step_by_step(form, films[codec], codec)
    for size, written, frames in [step for step in steps if step[1] > 1.2][::9]:
        for cut in (size, min(size + 37, len(data))):
            assert len(read(data[:cut])) / RATE >= written - 1.2
            live = LiveFrames(sampling=Sampling(per_second=50), capacity=1000)
            live.push_stream(data[:cut])
            live.finish()
            assert len(live.take()) >= frames - 30


def test_video_begins_with_its_first_key_frame(films):
    file = io.BytesIO()
    recording = Recording(file, "webm", rate=RATE, video="vp8")
    recording.add(0, noise(4, 1), 0)
    for number, (data, time, _) in enumerate(films["vp8"][5:]):
        recording.advance(time + 2)
        assert bool(file.getvalue()) == (number > 5)
        recording.add_video(data, time + 2)
    recording.finish()
    assert (recording.statistics().frames, recording.statistics().dropped_frames) == (40, 5)
    info = load(file.getvalue()).info
    assert (info.video.codec, info.audio.codec) == ("vp8", "opus")
    assert len(read(file.getvalue())) == 4 * RATE


@pytest.mark.parametrize("form", ["webm", "mkv", "mp4"])
def test_video_that_never_comes(films, form):
    codec = "h264" if form == "mp4" else "vp8"
    file = io.BytesIO()
    with Recording(file, form, rate=RATE, video=codec) as recording:
        recording.add(1, clicks(6 * RATE, 1000), 0)
        recording.advance(4.9)
        assert not file.getvalue()
        recording.advance(5)
        recording.advance(6)
        assert file.getvalue()
        recording.add_video(films[codec][0].data, 5.5)
    assert recording.statistics().dropped_frames == 1
    asset = load(file.getvalue())
    assert asset.info.video is None
    assert positions(read(file.getvalue())[:, 1]) == [1000]


@pytest.mark.parametrize(("form", "codec"), FILMS)
def test_damaged_video_does_no_harm(films, form, codec):
    chance = random.Random(form + codec)
    for _ in range(12):
        file = io.BytesIO()
        with Recording(file, form, rate=RATE, video=codec) as recording:
            recording.add(0, clicks(2 * RATE, 30_000), 0)
            for data, time, _ in films[codec]:
                packet = bytearray(data if chance.random() < 0.7 else chance.randbytes(chance.randrange(40)))
                for _ in range(chance.choice((0, 0, 0, 3))):
                    packet[chance.randrange(len(packet) or 1) :][:1] = b"\x81"
                recording.add_video(bytes(packet), time, key=chance.choice((None, None, True, False)))
                recording.advance(time)
        assert sum((recording.statistics().frames, recording.statistics().dropped_frames)) == 50
        assert positions(read(file.getvalue())[:, 0]) == [30_000]


def test_when_the_container_refuses_video_the_sound_goes_on(films):
    file = io.BytesIO()
    with Recording(file, "webm", rate=RATE, video="vp9") as recording:
        recording.add(0, clicks(2 * RATE, 30_000), 0)
        for number, (data, time, _) in enumerate(films["vp9"]):
            recording.add_video(b"\x84\0\0" if number else data, time)  # frames that are never shown: 8 may be held
            recording.advance(time)
    assert (recording.statistics().frames, recording.statistics().dropped_frames) == (8, 42)
    assert positions(read(file.getvalue())[:, 0]) == [30_000]


def test_video_that_is_too_large_is_none():
    recording = Recording(io.BytesIO(), "webm", rate=RATE, video="vp8")
    recording.add_video(b"\x10\x02\0\x9d\x01\x2a" + b"\xff\x3f" * 2 + bytes(100), 0)  # 16383 x 16383
    assert recording.statistics().dropped_frames == 1


def test_it_is_over_once():
    file = io.BytesIO()
    recording = Recording(file, "ogg", rate=RATE, speakers=1)
    recording.add(0, noise(1, 1), 0)
    recording.finish()
    data = file.getvalue()
    recording.finish()
    assert file.getvalue() == data
    for call in (
        lambda: recording.add(0, noise(1, 1), 1),
        lambda: recording.add_video(b"1", 1),
        lambda: recording.advance(2),
    ):
        with pytest.raises(ValueError, match="over"):
            call()


def test_what_was_recorded_before_a_failure_is_kept():
    file = io.BytesIO()

    def talk():
        with Recording(file, "flac", rate=RATE) as recording:
            recording.add(0, noise(1, 1), 0)
            raise KeyError("something else")

    with pytest.raises(KeyError):
        talk()
    assert len(read(file.getvalue())) == RATE


def test_a_disk_that_is_full():
    class Full(io.BytesIO):
        def write(self, data):
            if self.tell() + len(data) > 100_000:
                raise OSError("no space left on device")
            return super().write(data)

    file = Full()
    recording = Recording(file, "wav", rate=RATE)
    recording.add(0, noise(3, 1), 0)
    recording.advance(1)
    with pytest.raises(OSError, match="no space"):
        recording.advance(3)
    with pytest.raises(ValueError, match="over"):
        recording.advance(4)
    recording.finish()
    assert np.array_equal(read(file.getvalue())[:, 0], noise(3, 1)[: RATE // 2])


def test_nothing_waits_without_bound(films):
    recording = Recording(io.BytesIO(), "webm", video="vp8")
    recording.add_video(films["vp8"][0].data, 0)
    packet = bytes(2**20 - 50)
    with pytest.raises(TooLong):
        recording.add_video(packet, 601)
    with pytest.raises(TooLong):
        recording.add(0, noise(1, 1), 600)
    for number in range(64):
        recording.add_video(packet, number / 10)
    with pytest.raises(TooManyBytes, match="advance"):
        recording.add_video(packet, 6.4)
    recording.advance(60)
    recording.add_video(packet, 6.4)


def test_what_is_cut_and_what_is_late():
    file = io.BytesIO()
    with Recording(file, "wav", rate=RATE, speakers=1) as recording:
        recording.add(0, noise(2, 1), 0)
        recording.cut(0, 1.5)
        recording.advance(1.5)
        recording.add(0, noise(0.25, 2), 0.5)
    assert len(read(file.getvalue())) == 1.5 * RATE
    assert recording.statistics().late == 0.25


def test_no_thread_is_added(films):
    def threads() -> int:
        return len(list(Path("/proc/self/task").iterdir()))

    before = threads()
    for form, codec in [(form, None) for form in FORMS] + FILMS:
        recording = Recording(io.BytesIO(), form, video=codec)
        recording.add(0, noise(1, 1), 0)
        if codec:
            recording.add_video(films[codec][0].data, 0)
        recording.advance(1)
        assert threads() <= before


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"speakers": 3}, ValueError, "3 speakers"),
        ({"speakers": 0}, ValueError, "0 speakers"),
        ({"form": "wma"}, UnsupportedFormat, "known are"),
        ({"rate": 0}, ValueError, "0 Hz"),
        ({"form": "flac", "bit_rate": 64_000}, ValueError, "no bit rate"),
        ({"form": "webm", "video": "h264"}, UnsupportedFormat, "mp4 or mkv"),
        ({"form": "ogg", "video": "vp8"}, UnsupportedFormat, "not recorded"),
        ({"rate": 0, "video": "vp8"}, ValueError, "0 Hz"),
    ],
)
def test_what_can_not_be_recorded(options, error, text):
    with pytest.raises(error, match=text):
        Recording(io.BytesIO(), **options)


def test_what_can_not_be_added():
    recording = Recording(io.BytesIO(), "wav")
    with pytest.raises(ValueError, match="no speaker 2"):
        recording.add(2, noise(1, 1), 0)
    with pytest.raises(ValueError, match="no speaker -1"):
        recording.add(-1, noise(1, 1), 0)
    with pytest.raises(TypeError, match="float32"):
        recording.add(0, np.zeros(10, np.float32), 0)
    with pytest.raises(ValueError, match="shape"):
        recording.add(0, np.zeros((10, 2), np.int16), 0)
    with pytest.raises(ValueError, match="no time"):
        recording.add(0, np.zeros(10, np.int16), float("-inf"))
    with pytest.raises(ValueError, match="name its codec"):
        recording.add_video(b"1", 0)
