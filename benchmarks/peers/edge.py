"""What the peers' servers of a chaos run share: their command line, and what they say to the callers.

The callers are those that talk with Troupe, so what goes over the WebSocket is the little of OpenAI's Realtime protocol
that they listen to. Runs inside the environment of a peer, so it imports nothing but the standard library.
"""

import argparse
import base64
import json
from typing import Any, Final, NamedTuple

RATE: Final = 24_000
"""Hertz of what callers say and hear."""
SILENCE: Final = 0.5
"""Seconds without speech after which a turn has ended: what Troupe's sessions take where nothing else is asked for."""
VOICES: Final = {"cartesia": "f786b574-daa5-4673-aa0c-cbe3e8534c02", "elevenlabs": "JBFqnCBsd6RMkjVDRZzb"}
"""Known to the wire servers."""


class Provider(NamedTuple):
    """One of the chain of a part."""

    part: str
    kind: str
    model: str
    url: str


def arguments(*switches: str) -> argparse.Namespace:
    """Parse the command line: the providers of all parts, each part's in the order of its chain, and switches."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--providers", type=_providers, required=True, help="as JSON")
    for switch in switches:
        parser.add_argument(f"--{switch}", action="store_true")
    return parser.parse_args()


def _providers(text: str) -> list[Provider]:
    return [Provider(**each) for each in json.loads(text)]


def audio_in(message: str | bytes) -> bytes:
    """Return the samples in a message of a caller; none if it is another one."""
    event: dict[str, Any] = json.loads(message)
    return base64.b64decode(event["audio"]) if event["type"] == "input_audio_buffer.append" else b""


def audio_out(pcm: bytes) -> str:
    """Return the message that carries samples to a caller."""
    return json.dumps({"type": "response.output_audio.delta", "delta": base64.b64encode(pcm).decode()})


def understood(text: str) -> str:
    """Return the message that says what of a turn has been understood."""
    return json.dumps({"type": "conversation.item.input_audio_transcription.completed", "transcript": text})


def done(status: str = "completed") -> str:
    """Return the message that says that an answer is over."""
    return json.dumps({"type": "response.done", "response": {"status": status, "status_details": None}})
