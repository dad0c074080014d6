"""Pipecat in a chaos run: its own services for the providers, and a `ServiceSwitcher` with failover over each chain.

All settings are its defaults, but for addresses and models; as in `pipecat_server`, a turn ends by silence. It does not
say when an answer is over, as that is nothing to a pipeline: here it is when the model has ended and nothing has been
said for `QUIET`.
"""

import asyncio
import os
import sys

os.environ["LOGURU_LEVEL"] = "WARNING"  # before it is imported, or it greets

import uvloop
from edge import RATE, SILENCE, VOICES, Provider, arguments, audio_in, audio_out, done, understood
from fastapi import FastAPI, WebSocket
from loguru import logger
from pipecat.audio.utils import create_stream_resampler
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams
from pipecat.frames.frames import (
    BotStartedSpeakingFrame,
    BotStoppedSpeakingFrame,
    Frame,
    InputAudioRawFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    OutputAudioRawFrame,
    TranscriptionFrame,
)
from pipecat.observers.base_observer import BaseObserver, FramePushed
from pipecat.pipeline.llm_switcher import LLMSwitcher
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.service_switcher import ServiceSwitcher, ServiceSwitcherStrategyFailover
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.cartesia.tts import CartesiaTTSService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.services.llm_service import LLMService
from pipecat.services.openai.llm import OpenAILLMService
from pipecat.services.stt_service import STTService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.turns.user_stop import SpeechTimeoutUserTurnStopStrategy
from pipecat.turns.user_turn_strategies import UserTurnStrategies
from pipecat.workers.runner import WorkerRunner
from scripted import RATE_IN, listener, serve_asgi

QUIET = 1.5
"""Seconds without audio after which an answer is over, once the model has ended."""


def service(provider: Provider) -> STTService | LLMService | CartesiaTTSService | ElevenLabsTTSService:
    """Return the service for a provider."""
    key, socket = "any", provider.url.replace("http", "ws", 1)
    match provider.part, provider.kind:
        case "stt", "deepgram":
            settings = DeepgramSTTService.Settings(model=provider.model)
            return DeepgramSTTService(api_key=key, base_url=provider.url, settings=settings)
        case "llm", "openai":
            settings = OpenAILLMService.Settings(model=provider.model)
            return OpenAILLMService(api_key=key, base_url=provider.url, settings=settings)
        case "tts", "cartesia":
            settings = CartesiaTTSService.Settings(model=provider.model, voice=VOICES["cartesia"])
            return CartesiaTTSService(api_key=key, url=f"{socket}/tts/websocket", settings=settings)
        case "tts", "elevenlabs":
            settings = ElevenLabsTTSService.Settings(model=provider.model, voice=VOICES["elevenlabs"])
            return ElevenLabsTTSService(api_key=key, url=socket, settings=settings)
        case other:
            raise ValueError(f"no service for {other}")


class Serializer(FrameSerializer):
    """What callers say and hear."""

    def __init__(self) -> None:
        super().__init__()
        self._resampler = create_stream_resampler()

    async def serialize(self, frame: Frame) -> str | bytes | None:
        return audio_out(frame.audio) if isinstance(frame, OutputAudioRawFrame) else None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        pcm = await self._resampler.resample(audio_in(data), RATE, RATE_IN)
        return InputAudioRawFrame(pcm, RATE_IN, 1) if pcm else None


class Teller(BaseObserver):
    """Tells the caller what was understood, and when an answer is over."""

    def __init__(self, socket: WebSocket) -> None:
        super().__init__()
        self._socket = socket
        self._writing = self._speaking = False
        self._seen: set[int] = set()
        self._over: asyncio.TimerHandle | None = None

    async def on_push_frame(self, data: FramePushed) -> None:
        """See `BaseObserver.on_push_frame`; a frame is seen once, however many it is pushed to."""
        frame = data.frame
        if frame.id in self._seen:
            return
        match frame:
            case TranscriptionFrame():
                await self._socket.send_text(understood(frame.text))
            case LLMFullResponseStartFrame():
                self._writing = True
            case LLMFullResponseEndFrame():
                self._writing = False
            case BotStartedSpeakingFrame():
                self._speaking = True
            case BotStoppedSpeakingFrame():
                self._speaking = False
            case _:
                return
        self._seen.add(frame.id)
        if self._over is not None:
            self._over.cancel()
        if isinstance(frame, LLMFullResponseEndFrame | BotStoppedSpeakingFrame):
            self._over = asyncio.get_running_loop().call_later(QUIET, self._end)

    def _end(self) -> None:
        if not (self._writing or self._speaking):
            self._telling = asyncio.ensure_future(self._socket.send_text(done()))


def application(chain: list[Provider]) -> FastAPI:
    """Return an application whose every connection is a voice session."""
    app = FastAPI()

    def part(name: str) -> list:
        return [service(each) for each in chain if each.part == name]

    @app.websocket("/v1/realtime")
    async def converse(socket: WebSocket) -> None:
        await socket.accept()
        transport = FastAPIWebsocketTransport(
            socket, FastAPIWebsocketParams(audio_in_enabled=True, audio_out_enabled=True, serializer=Serializer())
        )
        stop = SpeechTimeoutUserTurnStopStrategy()
        aggregators = LLMContextAggregatorPair(
            LLMContext(),
            user_params=LLMUserAggregatorParams(
                user_turn_strategies=UserTurnStrategies(stop=[stop]),
                vad_analyzer=SileroVADAnalyzer(params=VADParams(stop_secs=SILENCE)),
            ),
        )
        pipeline = Pipeline(
            [
                transport.input(),
                ServiceSwitcher(part("stt"), ServiceSwitcherStrategyFailover),
                aggregators.user(),
                LLMSwitcher(part("llm"), ServiceSwitcherStrategyFailover),
                ServiceSwitcher(part("tts"), ServiceSwitcherStrategyFailover),
                transport.output(),
                aggregators.assistant(),
            ]
        )
        worker = PipelineWorker(
            pipeline,
            params=PipelineParams(audio_in_sample_rate=RATE_IN, audio_out_sample_rate=RATE),
            idle_timeout_secs=None,
            observers=[Teller(socket)],
        )

        @transport.event_handler("on_client_disconnected")
        async def end(_transport: FastAPIWebsocketTransport, _socket: WebSocket) -> None:
            await worker.cancel()

        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await runner.run()

    return app


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stderr, level="WARNING", filter=lambda record: "stop_secs" not in record["message"])
    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(serve_asgi(application(arguments().providers), listener()))
