"""What the engine says, however its bytes are cut."""

from hypothesis import given
from hypothesis import strategies as st
from troupe.services.docker.wire import HEADER, LONGEST_LINE, Cpu, CpuUsage, LineDecoder, LogLine, Memory, Sample, usage

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"))
WRITTEN = st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), TEXT))


@given(WRITTEN, st.integers(1, 7), st.integers(1, 40))
def test_lines_of_both_streams_are_what_was_written(lines: list[tuple[str, str]], piece: int, cut: int) -> None:
    sent = b""
    for stream, text in lines:
        data = f"{text}\n".encode()
        for start in range(0, len(data), piece):  # a program may write a line bit by bit
            part = data[start : start + piece]
            sent += HEADER.pack(2 if stream == "stderr" else 1, len(part)) + part
    decoder = LineDecoder()
    read = [line for start in range(0, len(sent), cut) for line in decoder.push(sent[start : start + cut])]
    assert read == [LogLine(stream, text) for stream, text in lines]  # type: ignore[arg-type]
    assert decoder.finish() == []


def test_line_without_an_end_and_one_that_never_ends() -> None:
    decoder = LineDecoder()
    assert decoder.push(HEADER.pack(1, 3) + b"end") == []
    assert decoder.finish() == [LogLine("stdout", "end")]
    endless = b"x" * (LONGEST_LINE + 1)
    assert decoder.push(HEADER.pack(1, len(endless)) + endless) == [LogLine("stdout", "x" * LONGEST_LINE)]
    assert decoder.finish() == []


def test_usage_is_the_share_of_the_time_that_has_passed() -> None:
    before = Cpu(cpu_usage=CpuUsage(total_usage=100), system_cpu_usage=1000, online_cpus=4)
    now = Cpu(cpu_usage=CpuUsage(total_usage=200), system_cpu_usage=1400, online_cpus=4)
    memory = Memory(usage=50, limit=100, stats={"total_inactive_file": 20})
    measured = usage(Sample(cpu_stats=now, precpu_stats=before, memory_stats=memory))
    assert (measured.cpu, measured.memory, measured.memory_limit) == (1.0, 30, 100)
    assert usage(Sample(cpu_stats=now)).cpu == 0  # the first one has nothing to compare itself with
