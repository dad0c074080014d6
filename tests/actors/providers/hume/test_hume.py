"""What is Hume's own; the rest is in the suite of synthesizers."""

from typing import Any

import msgspec
import pytest
from speech_providers import SYNTHESIZERS, running, say
from troupe.actors.contracts import DeleteVoice, ListModels, ListVoices, Synthesize, Word
from troupe.actors.errors import BrokenStream, InvalidRequest, ModelNotFound, RequestTooLong
from troupe.actors.http import HttpClient
from troupe.actors.providers.hume.endpoint import HumeEndpoint
from troupe.actors.providers.hume.speech import HumeSpeech
from troupe.actors.providers.hume.wire.speech import LONGEST, SpeechLines, SpeechOptions, encode_speech, wished
from troupe.actors.providers.hume.wire.streaming import HumeTalking, socket_path
from troupe.runtime import child, open_system
from troupe.services.wire import End
from troupe.services.wire.hume import HumeWire
from troupe.services.wire.hume.voices import NAMES, id_of
from troupe.services.wire.tone import tone
from wires import served

real_time = [pytest.mark.real_time, pytest.mark.virtual]
STREAMING = next(provider for provider in SYNTHESIZERS if provider.name == "hume")
PROVIDER = next(provider for provider in SYNTHESIZERS if provider.name == "hume-http")


running_wire, wire = served(HumeWire)


def body(**options: Any) -> dict[str, Any]:
    return msgspec.json.decode(encode_speech("Hi.", SpeechOptions(**options), "x"))


@pytest.mark.parametrize(
    ("options", "directions"),
    [
        ({"emotion": "sad", "intensity": 0}, "slightly sad"),
        ({"emotion": "sad", "intensity": 0.3}, "somewhat sad"),
        ({"emotion": "sad"}, "sad"),
        ({"emotion": "sad", "intensity": 0.8}, "very sad"),
        ({"emotion": "sad", "intensity": 1}, "extremely sad"),
        ({"description": "whispering"}, "whispering"),
        ({"emotion": "excited", "intensity": 0.7, "description": "to a crowd"}, "very excited, to a crowd"),
    ],
)
def test_an_emotion_and_its_intensity_are_put_into_words(options: dict[str, Any], directions: str) -> None:
    asked = body(**options)
    assert asked["utterances"][0]["description"] == directions
    assert asked["version"] == "1", "the second one takes no directions"
    assert "include_timestamp_types" not in asked, "which only the second one has"


def test_without_directions_it_is_the_second_one_with_times() -> None:
    assert body(speed=1.2, trailing_silence=0.5, instant_mode=False) == {
        "utterances": [
            {
                "text": "Hi.",
                "voice": {"name": "Ava Song", "provider": "HUME_AI"},
                "speed": 1.2,
                "trailing_silence": 0.5,
            }
        ],
        "version": "2",
        "format": {"type": "pcm"},
        "strip_headers": True,
        "instant_mode": False,
        "include_timestamp_types": ["word"],
    }
    assert body(model="octave-1")["version"] == "1"


@pytest.mark.parametrize(
    ("voice", "asked"),
    [
        ("Sitcom Girl", {"name": "Sitcom Girl", "provider": "HUME_AI"}),
        (id_of("Ava Song"), {"id": id_of("Ava Song"), "provider": "HUME_AI"}),
        ("custom/Anna", {"name": "Anna", "provider": "CUSTOM_VOICE"}),
    ],
)
def test_voices_have_names_or_ids_and_owners(voice: str, asked: dict[str, str]) -> None:
    assert body(voice=voice)["utterances"][0]["voice"] == asked


@pytest.mark.parametrize(
    "wrong",
    [{"intensity": 1.1}, {"speed": 0.4}, {"trailing_silence": 6}, {"model": "octave-3"}, {"description": "a" * 101}],
)
def test_options_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        SpeechOptions(**wrong)


def test_who_can_not_act_is_not_asked_to() -> None:
    with pytest.raises(ValueError, match="use octave-1"):
        SpeechOptions(model="octave-2", emotion="sad")
    with pytest.raises(InvalidRequest, match="octave-1"):
        wished(SpeechOptions(emotion="sad"), Synthesize(model="octave-2"), "x")
    with pytest.raises(RequestTooLong):
        encode_speech("a" * (LONGEST + 1), SpeechOptions(), "x")


def line(**members: Any) -> bytes:
    return msgspec.json.encode(members)


def test_words_are_stretches_of_the_text() -> None:
    lines = SpeechLines("x", "Well, 5 well-known  things!")
    got: list[Word] = []
    for text in ("Well", "five", "well", "known", "things"):
        stamp = {"type": "word", "text": text, "time": {"begin": 100, "end": 250}}
        got += lines.push(line(type="timestamp", timestamp=stamp))[1]
    assert [word.text for word in got] == ["Well,", "5 well-known", "things!"]
    assert (got[0].start, got[0].end) == (0.1, 0.25)
    phoneme = {"type": "phoneme", "text": "w", "time": {"begin": 0, "end": 1}}
    assert lines.push(line(type="timestamp", timestamp=phoneme)) == (b"", ())


def test_a_snippet_without_its_last_chunk_is_no_end() -> None:
    lines = SpeechLines("x", "Hi.")
    lines.push(line(type="audio", audio=bytes(2), snippet_id="a", is_last_chunk=False))
    lines.push(line(type="audio", audio=bytes(2), snippet_id="b", is_last_chunk=True))
    with pytest.raises(BrokenStream):
        lines.finish()
    lines.push(line(type="audio", audio=bytes(2), snippet_id="a", is_last_chunk=True))
    lines.finish()


class TestStreaming:
    """Which snippets make up a piece, and when its words are said."""

    def talking(self, *texts: str) -> HumeTalking:
        talking = HumeTalking("x", SpeechOptions())
        for number, text in enumerate(texts):
            list(talking.speak(number, text))
        return talking

    def audio(self, snippet: str, text: str, *, last: bool = True, generation: str = "g") -> bytes:
        members = {"snippet_id": snippet, "generation_id": generation, "text": text, "is_last_chunk": last}
        return line(type="audio", audio=bytes(9600), **members)

    def word(self, text: str, begin: int, generation: str = "g") -> bytes:
        stamp = {"type": "word", "text": text, "time": {"begin": begin, "end": begin + 50}}
        return line(type="timestamp", timestamp=stamp, generation_id=generation, snippet_id="s")

    def ends(self, talking: HumeTalking, *messages: bytes) -> list[tuple[int, bool]]:
        return [(speech.piece, speech.last) for message in messages for speech in talking.push(message)]

    def test_a_piece_ends_with_the_last_snippet_of_its_text(self) -> None:
        talking = self.talking("Hello there. How are you?", "Fine.")
        chunks = (
            self.audio("a", "Hello there.", last=False),
            self.audio("a", "Hello there."),
            self.audio("b", " How are you?"),
            self.audio("c", "Fine."),
            self.audio("d", "What nobody asked for."),
        )
        assert self.ends(talking, *chunks) == [(0, False), (0, False), (0, True), (1, True)]

    def test_snippets_may_come_at_the_same_time(self) -> None:
        talking = self.talking("One. Two.")
        chunks = (
            self.audio("a", "One.", last=False),
            self.audio("b", "Two."),
            self.audio("a", "One."),
        )
        assert self.ends(talking, *chunks) == [(0, False), (0, False), (0, True)]

    def test_other_spaces_marks_and_words_do_not_keep_it_from_ending(self) -> None:
        talking = self.talking("It's  5 o'clock: really!", "Yes.")
        assert self.ends(talking, self.audio("a", "it\u2019s 5 O'Clock"), self.audio("b", "really")) == [
            (0, False),
            (0, True),
        ]
        assert self.ends(talking, self.audio("c", "Jawohl")) == [(1, True)]

    @pytest.mark.parametrize("generations", ["gg", "gh"])
    def test_times_count_from_the_start_of_the_piece(self, generations: str) -> None:
        talking = self.talking("One.", "Two.")
        first, second = generations
        begin = 100 if first == second else 0  # a generation has its own time
        said = [
            speech
            for message in (
                self.word("One", 0, first),
                self.audio("a", "One.", generation=first),
                self.word("Two", begin + 20, second),
                self.audio("b", "Two.", generation=second),
            )
            for speech in talking.push(message)
        ]
        one, two = (word for speech in said for word in speech.words)
        assert one == Word("One.", 0.0, 0.05)
        assert (two.text, two.start, two.end) == ("Two.", pytest.approx(0.02), pytest.approx(0.07))

    def test_what_is_sent(self) -> None:
        (message,) = HumeTalking("x", SpeechOptions(emotion="sad", speed=1.2)).speak(0, "Hi.")
        assert msgspec.json.decode(message) == {
            "text": "Hi.",
            "voice": {"name": "Ava Song", "provider": "HUME_AI"},
            "description": "sad",
            "speed": 1.2,
            "flush": True,
        }
        assert socket_path(SpeechOptions(emotion="sad")).endswith(
            "/v0/tts/stream/input?version=1&format_type=pcm&strip_headers=true&no_binary=true&instant_mode=true"
        )
        assert "include_timestamp_types=word" in socket_path(SpeechOptions())
        with pytest.raises(RequestTooLong):
            HumeTalking("x", SpeechOptions()).speak(0, "a" * (LONGEST + 1))


class TestOverSockets:
    pytestmark = real_time

    async def test_an_answer_that_ends_early_is_noticed(self, wire: HumeWire) -> None:
        async with running(PROVIDER, wire.url) as ref:
            wire.fail(PROVIDER.path, End(27_000))  # at the end of a line, or near it
            with pytest.raises(BrokenStream):
                await say(ref, "Hello there.")

    async def test_a_text_that_is_too_long_and_a_voice_that_is_not_there(self, wire: HumeWire) -> None:
        async with running(STREAMING, wire.url) as ref:
            with pytest.raises(RequestTooLong):
                await say(ref, "a" * (LONGEST + 1))
            with pytest.raises(ModelNotFound):
                await say(ref, "Hello.", request=Synthesize(voice="Nobody"))
            speeches = await say(ref, "Hello. Again.", "Once more.")
        assert len(wire.exchanges) == 3, "one connection for all pieces"
        assert b"".join(each.pcm for each in speeches) == b"".join(
            tone(text, "Ava Song", 48_000) for text in ("Hello. Again.", "Once more.")
        )

    async def test_it_acts(self, wire: HumeWire) -> None:
        options = SpeechOptions(emotion="sad", intensity=1)
        at = HumeEndpoint(base_url=wire.url)
        async with HttpClient.open() as http, open_system(child(HumeSpeech, http, at, options, name="x")) as system:
            speeches = await say(system.ref("x"), "Hello.", request=Synthesize(speed=1.5))
        assert b"".join(speech.pcm for speech in speeches) == tone("Hello.", "Ava Song", 48_000, 1.5)
        assert wire.last(PROVIDER.path).json()["utterances"][0]["description"] == "extremely sad"

    async def test_every_model_that_it_lists_can_be_asked_for(self, wire: HumeWire) -> None:
        async with running(PROVIDER, wire.url) as ref:
            models = [model.id for model in await ref.ask(ListModels())]
            for model in models:
                assert await say(ref, "Hello.", request=Synthesize(model=model))
            with pytest.raises(InvalidRequest, match="model"):
                await say(ref, "Hello.", request=Synthesize(model="octave-3"))
        assert SpeechOptions().model in models

    async def test_voices_of_the_account_and_of_the_library(self, wire: HumeWire) -> None:
        wire.save_voice("Anna")
        async with running(PROVIDER, wire.url) as ref:
            voices = await ref.ask(ListVoices())
            assert [(voice.id, voice.name) for voice in voices] == [
                ("custom/Anna", "Anna"),
                *((id_of(name), name) for name in NAMES),
            ]
            for voice in voices:
                speeches = await say(ref, "Hello.", request=Synthesize(voice=voice.id))
                assert speeches[0].pcm == tone("Hello.", voice.name, 48_000)[: len(speeches[0].pcm)]
            await ref.ask(DeleteVoice("custom/Anna"))
            for gone in ("custom/Anna", voices[1].id):
                with pytest.raises(ModelNotFound):
                    await ref.ask(DeleteVoice(gone))
            with pytest.raises(ModelNotFound):
                await say(ref, "Hello.", request=Synthesize(voice="Nobody"))
