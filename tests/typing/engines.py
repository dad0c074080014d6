"""Every engine is what `engines` says; the type checkers read this, nothing runs it."""

from typing import assert_type

from troupe.actors.inference.engines import SpeechToText, TextToSpeech, Utterance
from troupe.actors.inference.espeak import EspeakEngine
from troupe.actors.inference.kokoro import KokoroEngine
from troupe.actors.inference.moonshine import MoonshineEngine, MoonshineUtterance
from troupe.actors.inference.pocketsphinx import PocketsphinxEngine, PocketsphinxUtterance
from troupe.actors.inference.pool import Pool
from troupe.actors.inference.results import Hypothesis

recognisers: list[SpeechToText] = [PocketsphinxEngine.open(), MoonshineEngine.open()]
synthesizers: list[TextToSpeech] = [EspeakEngine.open(), KokoroEngine.open()]


def hear(utterance: PocketsphinxUtterance | MoonshineUtterance) -> Utterance:
    assert_type(utterance.push(b""), Hypothesis | None)
    return utterance


assert_type(Pool(lambda: "decoder", 2).take(), str)
