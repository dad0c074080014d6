"""LiveKit Agents in a chaos run: its own plugins for the providers, and its `FallbackAdapter` over each part's chain.

All settings of the adapters and plugins are their defaults, but for addresses, and ElevenLabs' format, which is PCM
instead of MP3. With ``--retry`` the models' adapter may begin an answer again of which something has been said
(`retry_on_chunk_sent`), which is off by default. Audio goes in and out as in `livekit_server`.
"""

import asyncio
import logging
from contextlib import suppress

import aiohttp
import uvloop
from edge import RATE, SILENCE, VOICES, Provider, arguments, audio_in, audio_out, done, understood
from livekit import rtc
from livekit.agents import Agent, AgentSession, llm, stt, tts
from livekit.agents.inference import VAD
from livekit.plugins import cartesia, deepgram, elevenlabs, openai
from livekit_server import Loudspeaker, Microphone
from scripted import announce, listener, stdin_ends
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


def service(provider: Provider, http: aiohttp.ClientSession) -> stt.STT | llm.LLM | tts.TTS:
    """Return the plugin for a provider."""
    key = "any"
    match provider.part, provider.kind:
        case "stt", "deepgram":
            url = f"{provider.url}/v1/listen"
            return deepgram.STT(model=provider.model, base_url=url, api_key=key, http_session=http)
        case "llm", "openai":
            return openai.LLM(model=provider.model, base_url=provider.url, api_key=key)
        case "tts", "cartesia":
            voice = VOICES["cartesia"]
            return cartesia.TTS(
                model=provider.model, voice=voice, base_url=provider.url, api_key=key, http_session=http
            )
        case "tts", "elevenlabs":
            return elevenlabs.TTS(
                model=provider.model,
                voice_id=VOICES["elevenlabs"],
                base_url=f"{provider.url}/v1",
                encoding=f"pcm_{RATE}",
                api_key=key,
                http_session=http,
            )
        case other:
            raise ValueError(f"no plugin for {other}")


def agent_session(chain: list[Provider], http: aiohttp.ClientSession, *, retry: bool) -> AgentSession:
    """Return a session whose every part is a chain of providers."""

    def part(name: str) -> list:
        return [service(each, http) for each in chain if each.part == name]

    return AgentSession(
        vad=VAD(min_silence_duration=SILENCE),
        stt=stt.FallbackAdapter(part("stt")),
        llm=llm.FallbackAdapter(part("llm"), retry_on_chunk_sent=retry),
        tts=tts.FallbackAdapter(part("tts")),
        turn_handling={
            "turn_detection": "vad",
            "interruption": {"mode": "vad", "resume_false_interruption": False},
        },
        aec_warmup_duration=None,
        user_away_timeout=None,
    )


class Caller:
    """The other end of a connection, as `Loudspeaker` knows it."""

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._telling: set[asyncio.Task[None]] = set()

    async def send(self, data: bytes | str) -> None:
        """Send samples; that an answer was interrupted is nothing to this caller, who does not interrupt."""
        if isinstance(data, bytes):
            await self._connection.send(audio_out(data))

    def tell(self, message: str) -> None:
        """Send a message, from a callback."""
        task = asyncio.ensure_future(self._tell(message))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    def close(self, reason: str) -> None:
        """End the connection, from a callback."""
        self._closing = asyncio.ensure_future(self._connection.close(1011, reason[:100]))

    async def _tell(self, message: str) -> None:
        with suppress(ConnectionClosed):
            await self._connection.send(message)


async def main() -> None:
    """Serve until the standard input ends."""
    options, listening = arguments("retry"), listener()

    async def converse(connection: ServerConnection) -> None:
        async with aiohttp.ClientSession() as http:
            session = agent_session(options.providers, http, retry=options.retry)
            caller, microphone = Caller(connection), Microphone()
            session.input.audio = microphone
            session.output.audio = Loudspeaker(caller, RATE // 50 * 2)

            @session.on("user_input_transcribed")
            def heard(event) -> None:
                if event.is_final:
                    caller.tell(understood(event.transcript))

            @session.on("agent_state_changed")
            def changed(event) -> None:
                if event.new_state == "listening" and event.old_state in {"thinking", "speaking"}:
                    caller.tell(done())

            @session.on("close")
            def closed(event) -> None:
                caller.close(str(event.reason))

            await session.start(Agent(instructions="You are an assistant."))
            try:
                async for message in connection:
                    if pcm := audio_in(message):
                        microphone.frames.send_nowait(rtc.AudioFrame(pcm, RATE, 1, len(pcm) // 2))
            finally:
                microphone.frames.close()
                await session.aclose()

    async with serve(converse, sock=listening, compression=None, max_size=None):
        announce(listening)
        await stdin_ends()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    uvloop.run(main())
