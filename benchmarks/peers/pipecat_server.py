"""Pipecat under load: its FastAPI WebSocket transport, one in-process pipeline a session, scripted services.

Usual: protobuf (the serializer its documentation gives for WebSockets), RTVI and turn tracking on, as they are by
default, and 0.2 s of speech interrupt. Lean: bare PCM on the wire, RTVI and turn tracking off, speech in pieces of 100
instead of 20 ms, and 64 ms of speech interrupt.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator

os.environ["LOGURU_LEVEL"] = "WARNING"  # before it is imported, or it greets

import uvloop
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    OutputAudioRawFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.serializers.protobuf import ProtobufFrameSerializer
from pipecat.services.llm_service import LLMService
from pipecat.services.settings import LLMSettings, STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner
from scripted import HEARD, ONSET, RATE_IN, RATE_OUT, SILENCE, arguments, chunks, listener, noise, serve_asgi, tokens

UNSET = (
    "system_instruction", "temperature", "max_tokens", "top_p", "top_k", "frequency_penalty", "presence_penalty",
    "seed", "filter_incomplete_user_turns", "user_turn_completion_config",
)  # fmt: skip
"""Settings of a model that have no meaning here; the framework warns of each that is not given."""


class Recogniser(SegmentedSTTService):
    """Knows what was said as soon as it ends."""

    def __init__(self) -> None:
        super().__init__(
            ttfs_p99_latency=0.0, trailing_silence_secs=0.0, settings=STTSettings(model="scripted", language=None)
        )

    @property
    def wants_wav_segments(self) -> bool:
        return False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        yield TranscriptionFrame(HEARD, "", "")


class Model(LLMService):
    """Writes all tokens at once."""

    def __init__(self, answer: list[str]) -> None:
        super().__init__(settings=LLMSettings(model="scripted", **dict.fromkeys(UNSET)))
        self._answer = answer

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self.push_frame(LLMFullResponseStartFrame())
            for token in self._answer:
                await self.push_frame(LLMTextFrame(token))
            await self.push_frame(LLMFullResponseEndFrame())
        else:
            await self.push_frame(frame, direction)


class Voice(TTSService):
    """Speaks a sentence at once, in chunks."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            sample_rate=RATE_OUT,
            settings=TTSSettings(model="scripted", voice="scripted", language=None),
        )
        self._seconds = seconds
        self._noise = noise(seconds)

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        for _ in range(chunks(text, self._seconds)):
            yield TTSAudioRawFrame(self._noise, RATE_OUT, 1, context_id=context_id)


class PcmSerializer(FrameSerializer):
    """Nothing but samples in binary messages, and the text `clear` where an answer was interrupted."""

    async def serialize(self, frame: Frame) -> str | bytes | None:
        if isinstance(frame, OutputAudioRawFrame):
            return frame.audio
        return "clear" if isinstance(frame, InterruptionFrame) else None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        return InputAudioRawFrame(data, RATE_IN, 1) if isinstance(data, bytes) else None


def application(sentences: int, *, lean: bool) -> FastAPI:
    """Return an application whose every connection is a voice session."""
    app = FastAPI()

    @app.websocket("/v1/realtime")
    async def converse(socket: WebSocket) -> None:
        await socket.accept()
        transport = FastAPIWebsocketTransport(
            socket,
            FastAPIWebsocketParams(
                audio_in_enabled=True,
                audio_out_enabled=True,
                serializer=PcmSerializer() if lean else ProtobufFrameSerializer(),
            ),
        )
        voice = VADParams(stop_secs=SILENCE, **({"start_secs": ONSET} if lean else {}))
        # its default would be a model of its own for each session beside Silero; nobody else here runs one
        stop = SpeechTimeoutUserTurnStopStrategy(user_speech_timeout=0.0)
        aggregators = LLMContextAggregatorPair(
            LLMContext(),
            user_params=LLMUserAggregatorParams(
                user_turn_strategies=UserTurnStrategies(stop=[stop]),
                vad_analyzer=SileroVADAnalyzer(params=voice),
            ),
        )
        pipeline = Pipeline(
            [
                transport.input(),
                Recogniser(),
                aggregators.user(),
                Model(tokens(sentences)),
                Voice(0.1 if lean else 0.02),
                transport.output(),
                aggregators.assistant(),
            ]
        )
        worker = PipelineWorker(
            pipeline,
            params=PipelineParams(audio_in_sample_rate=RATE_IN, audio_out_sample_rate=RATE_OUT),
            idle_timeout_secs=None,
            **({"enable_rtvi": False, "enable_turn_tracking": False} if lean else {}),
        )

        @transport.event_handler("on_client_disconnected")
        async def end(_transport: FastAPIWebsocketTransport, _socket: WebSocket) -> None:
            await worker.cancel()

        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await runner.run()

    return app


if __name__ == "__main__":
    options = arguments("lean", "usual")
    logger.remove()
    logger.add(sys.stderr, level="WARNING", filter=lambda record: "stop_secs" not in record["message"])
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(serve_asgi(application(options.sentences, lean=options.set_up == "lean"), listener()))
