"""The providers of a chaos run: six wire servers, two for each part, whose words can be told from their audio.

Those who listen hear what is sung, the models answer in words that depend on what they were told, and those who speak
sing what they are given. So each word is followed from the caller's mouth to the caller's ear, over real audio.
"""

import re
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from random import Random
from typing import Any, Final, Literal, NamedTuple

from ..kinds.kind import PARTS, Part
from ..wire.answers import Answer
from ..wire.cartesia import CartesiaWire
from ..wire.deepgram import DeepgramWire
from ..wire.elevenlabs import ElevenLabsWire
from ..wire.exchange import Exchange
from ..wire.faults import Pace
from ..wire.openai import OpenAiWire, chat
from ..wire.replies import Reply
from ..wire.server import WireServer
from ..wire.syllables import speaker_of, word

FIRST: Final[dict[Part, float]] = {"stt": 0.1, "llm": 0.15, "tts": 0.12}
"""Seconds that each provider takes to its first item."""
_EACH: Final[dict[Part, float]] = {"stt": 0.0, "llm": 0.03, "tts": 0.05}
"""Seconds from each to the next: a word of the model, a tenth of a second of speech."""
_SENTENCES: Final = (3, 4, 3)
"""Words in each sentence of an answer."""
_WORD: Final = re.compile(r"\b[bdfg][aeiou][klmn][aeiou][prst][aeiou]\b")
_ENOUGH: Final = 3
"""Words in a row that are in no two answers."""
_LATEST: Final = 64
"""Exchanges that are looked through for one that is under way."""

Ear = Literal["deepgram", "cartesia"]
"""A kind of recogniser."""
EARS: Final[tuple[Ear, Ear]] = ("deepgram", "cartesia")
Voices = Literal["timed", "untimed"]
"""Which synthesizers: those that say when they speak which word, or those that don't."""


def words_of(text: str) -> list[str]:
    """Return the words that can be sung in a text."""
    return _WORD.findall(text.lower())


def answer_to(said: str) -> str:
    """Return what a model answers: ten words in three sentences, others for each thing that is said."""
    numbers = iter(Random(said).sample(range(8000), sum(_SENTENCES)))
    sentences = (" ".join(word(next(numbers)) for _ in range(count)) for count in _SENTENCES)
    return " ".join(f"{sentence.capitalize()}." for sentence in sentences)


class Singer(OpenAiWire):
    """A language model that answers with words to be sung.

    Args:
        continues: Whether it goes on where an answer breaks off; else it begins again.
    """

    def __init__(self, *, continues: bool) -> None:
        super().__init__()
        self._continues = continues

    def answer_chat(self, asked: chat.Asked, reply: Reply, number: int) -> Answer:
        """See `OpenAiWire.answer_chat`."""
        text, last = answer_to(" ".join(words_of(asked.last_text()))), asked.messages[-1]
        begun = str(last.get("content")) if last.get("role") == "assistant" else ""
        if self._continues and text.startswith(begun):
            text = text[len(begun) :]
        return super().answer_chat(asked, Reply(text=text), number)


class Provider(NamedTuple):
    """A wire server in a chain."""

    name: str
    part: Part
    kind: str
    model: str
    server: WireServer
    base_url: Callable[[], str]
    path: str
    """Of what it is asked."""


def _listener(name: str, kind: Ear) -> Provider:
    if kind == "deepgram":
        deepgram = DeepgramWire(syllables=True)
        return Provider(name, "stt", kind, "nova-3", deepgram, lambda: deepgram.url, "/v1/listen")
    cartesia = CartesiaWire(syllables=True)
    return Provider(name, "stt", kind, "ink-2", cartesia, lambda: cartesia.url, "/stt/websocket")


def _model(name: str, *, continues: bool) -> Provider:
    server = Singer(continues=continues)
    path = "/v1/chat/completions"
    return Provider(name, "llm", "openai", "gpt-4o-mini", server, lambda: server.base_url, path)


def _speaker(name: str, kind: str) -> Provider:
    match kind:
        case "cartesia":
            server: WireServer = CartesiaWire()
            return Provider(name, "tts", kind, "sonic-3", server, lambda: server.url, "/tts/websocket")
        case "elevenlabs":
            server = ElevenLabsWire()
            path = "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb/multi-stream-input"
            return Provider(name, "tts", kind, "eleven_flash_v2_5", server, lambda: server.url, path)
        case "deepgram":
            server = DeepgramWire()
            return Provider(name, "tts", kind, "aura-2-thalia-en", server, lambda: server.url, "/v1/speak")
        case _:
            openai = OpenAiWire()
            return Provider(name, "tts", kind, "tts-1", openai, lambda: openai.base_url, "/v1/audio/speech")


_VOICES: Final[Mapping[Voices, tuple[str, str]]] = {
    "timed": ("cartesia", "elevenlabs"),
    "untimed": ("openai", "deepgram"),
}


class Providers:
    """All of them.

    Args:
        voices: Which synthesizers.
        ears: Kinds of the recognisers, in the order in which they are asked.
    """

    def __init__(self, voices: Voices = "timed", ears: tuple[Ear, Ear] = EARS) -> None:
        first, second = _VOICES[voices]
        self.all: tuple[Provider, ...] = (
            _listener("ear-a", ears[0]),
            _listener("ear-b", ears[1]),
            _model("mind-a", continues=True),
            _model("mind-b", continues=False),
            _speaker("mouth-a", first),
            _speaker("mouth-b", second),
        )
        self._owners: dict[int, str] = {}  # of exchanges, by their id; the servers keep them all

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator[None]:
        """Run them in this event loop."""
        async with AsyncExitStack() as stack:
            for each in self.all:
                each.server.always(each.path, Pace(FIRST[each.part], _EACH[each.part]))
                await stack.enter_async_context(each.server.serving())
            yield

    def chain(self, part: Part) -> list[Provider]:
        """Return those that take a part, in the order in which they are asked."""
        return [each for each in self.all if each.part == part]

    def configuration(self) -> str:
        """Return the configuration of a server that uses them, as TOML."""
        lines = ["[voice]"]
        lines += [f"{part} = {[f'{each.name}/{each.model}' for each in self.chain(part)]}" for part in PARTS]
        for each in self.all:
            lines += [f"[providers.{each.name}]", f'kind = "{each.kind}"', f'base_url = "{each.base_url()}"']
            lines += ['api_key = "any"']
        return "\n".join(lines) + "\n"

    def under_way(self, part: Part, speaker: int, said: str) -> tuple[Provider, Exchange] | None:
        """Return who serves a caller's turn in a part right now, and the exchange in which that happens.

        Args:
            part: Which part.
            speaker: Number of the caller's pilot.
            said: What the caller says in this turn.
        """
        words = " ".join(words_of(answer_to(said)))
        for each in self.chain(part):
            for exchange in reversed(each.server.exchanges[-_LATEST:]):
                if exchange.ended.is_set() or exchange.path != each.path or exchange.struck is not None:
                    continue
                owner = self._owner(part, exchange)
                if owner in {str(speaker), said} or (part == "tts" and owner and owner in words):
                    return each, exchange
        return None

    def _owner(self, part: Part, exchange: Exchange) -> str:
        """Return by what the caller of an exchange can be known: its pilot, what it said, words of its answer."""
        if part == "tts":  # some speak all answers over one connection
            return " ".join(_latest_given(exchange))
        known = self._owners.get(id(exchange), "")
        if not known:
            if part == "stt":
                speaker = speaker_of(_audio(exchange), 16_000)
                known = "" if speaker is None else str(speaker)
            else:
                known = " ".join(words_of(_last_text(exchange)))
            self._owners[id(exchange)] = known
        return known


def _audio(exchange: Exchange) -> bytes:
    """Return the first audio that came."""
    audio = b""
    for message in list(exchange.messages[:16]):
        audio += message if isinstance(message, bytes) else b""
    return audio


def _last_text(exchange: Exchange) -> str:
    users: list[Any] = [each["content"] for each in exchange.json()["messages"] if each["role"] == "user"]
    return str(users[-1]) if users else ""


def _latest_given(exchange: Exchange) -> list[str]:
    """Return the words that a synthesizer was given last, as many as are enough."""
    words: list[str] = []
    for message in reversed((exchange.body.decode(errors="replace"), *exchange.messages)):
        if isinstance(message, str):
            words = words_of(message) + words
        if len(words) >= _ENOUGH:
            break
    return words[-_ENOUGH:]
