"""What the type checkers infer of models as objects; both of them read this, nothing runs it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, assert_type

from troupe.actors.contracts import GenerationEvent, MadeImage, Speech, Transcript, Turn
from troupe.codecs.asset import Asset
from troupe.codecs.pcm import Float32
from troupe.services.models import (
    Answer,
    Embedder,
    LanguageModel,
    Model,
    Models,
    SpeechToText,
    Spoken,
    TextToImage,
    TextToSpeech,
    open_model,
)


async def opened(models: Models) -> None:
    async with open_model("elevenlabs/eleven_flash_v2_5", TextToSpeech) as voice:
        assert_type(voice, TextToSpeech)
    async with open_model("demonstration") as model:
        assert_type(model, Model)
        assert_type(await model.transform("anything"), Any)
    assert_type(await models.model(["openai", "ollama/llama3.2"], LanguageModel), LanguageModel)


async def language(model: LanguageModel, talk: list[Turn], picture: Asset) -> None:
    assert_type(await model.transform("Hello.", max_tokens=5), Answer)
    assert_type(await model.transform("What is this?", picture, b"png", Path("cat.png")), Answer)
    assert_type(await model.transform(talk), Answer)
    async with model.stream(talk) as events:
        assert_type(events, AsyncIterator[GenerationEvent])
    await model.transform(talk, picture)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    await model.transform("Hello.", max_token=5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


async def speech(voice: TextToSpeech, ear: SpeechToText) -> None:
    spoken = await voice.transform("Hello.", speed=1.2)
    assert_type(spoken, Spoken)
    assert_type(await voice.transform("Hello.", spoken, language="en"), Spoken)
    assert_type(await voice.transform(["Hello", "."], Path("anna.mp3")), Spoken)
    await voice.transform("Hello.", spoken, voice="anna")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    async with voice.stream("Hello.", b"wav") as speeches:
        assert_type(speeches, AsyncIterator[Speech])
    async with voice.stream(["Hello", "."]) as speeches:
        assert_type(speeches, AsyncIterator[Speech])
    assert_type(await ear.transform(spoken), Transcript)
    assert_type(await ear.transform("talk.mp4", language="de"), Transcript)
    async with ear.stream(Path("talk.mp4")) as transcripts:
        assert_type(transcripts, AsyncIterator[Transcript])
    await ear.transform(3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def others(embedder: Embedder, painter: TextToImage) -> None:
    assert_type(await embedder.transform("text"), Float32)
    assert_type(await embedder.transform(["one", "two"]), Float32)
    async with embedder.stream(["one", "two"]) as vectors:
        assert_type(vectors, AsyncIterator[Float32])
    assert_type(await painter.transform("a door", size=(512, 512)), Asset)
    async with painter.stream("a door", count=2) as pictures:
        assert_type(pictures, AsyncIterator[MadeImage])
