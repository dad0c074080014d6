from email.parser import BytesParser
from email.policy import HTTP

from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.actors.multipart import File, encode_form

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]))


@settings(max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["name", "terms[]"]), TEXT)), st.lists(st.binary(), max_size=3))
def test_a_form_is_read_as_it_was_written(fields: list[tuple[str, str]], contents: list[bytes]) -> None:
    files = [File(content=content, name="a.wav", content_type="audio/wav", field="files") for content in contents]
    form = encode_form(fields, *files)
    head, boundary = form.content_type.split("; boundary=")
    assert head == "multipart/form-data"
    parts = form.body.split(f"--{boundary}".encode())
    assert (parts[0], parts[-1]) == (b"", b"--\r\n")
    got = []
    for part in parts[1:-1]:
        headers, _, content = part.removeprefix(b"\r\n").removesuffix(b"\r\n").partition(b"\r\n\r\n")
        told = BytesParser(policy=HTTP).parsebytes(headers + b"\r\n\r\n")["content-disposition"].params
        got.append((told["name"], told.get("filename"), content))
    assert got == [
        *((name, None, text.encode()) for name, text in fields),
        *(("files", "a.wav", content) for content in contents),
    ]


def test_a_recording_is_a_wav() -> None:
    file = File.wav(bytes(4), 16_000)
    assert (file.content_type, file.name, file.content[:4]) == ("audio/wav", "speech.wav", b"RIFF")
