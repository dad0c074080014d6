"""``POST /v1/images/generations``: a picture of one colour, which depends on the prompt, in every size and format."""

import base64
import hashlib
import re
from fractions import Fraction
from typing import Any, Final

import av
import numpy as np
from msgspec import Struct

from ..answers import Answer, json_answer, sse_answer
from .refusals import invalid

CREATED: Final = 1_790_000_000
ENCODERS: Final = {"png": ("png", "rgb24"), "jpeg": ("mjpeg", "yuvj420p"), "webp": ("libwebp", "yuv420p")}
"""Codec and format of pixels, as PyAV calls them."""
_SIZE: Final = re.compile(r"([1-9][0-9]{1,3})x([1-9][0-9]{1,3})")


class Asked(Struct, frozen=True, kw_only=True):
    """A request; unknown members are taken as they are."""

    prompt: str
    model: str = "gpt-image-2"
    n: int = 1
    size: str = "auto"
    quality: str = "auto"
    background: str = "auto"
    output_format: str = "png"
    output_compression: int = 100
    stream: bool = False
    partial_images: int = 0

    def check(self) -> None:
        """Raise `Refused` if the API would not take it."""
        if not self.prompt:
            raise invalid("Invalid 'prompt': string too short.", "prompt")
        if not 1 <= self.n <= 10:
            raise invalid("Invalid 'n': expected 1 to 10.", "n", "integer_out_of_range")
        if self.size != "auto" and (not _SIZE.fullmatch(self.size) or any(side % 16 for side in self.pixels)):
            raise invalid("Invalid 'size': expected WIDTHxHEIGHT, divisible by 16.", "size", "invalid_value")
        if self.output_format not in ENCODERS:
            raise invalid("Invalid 'output_format'.", "output_format", "invalid_value")
        if self.partial_images and not self.stream:
            raise invalid("'partial_images' is only allowed when 'stream' is enabled.", "partial_images")

    @property
    def pixels(self) -> tuple[int, int]:
        """Width and height."""
        found = _SIZE.fullmatch(self.size)
        return (int(found[1]), int(found[2])) if found else (1024, 1024)


def picture(prompt: str, size: tuple[int, int], form: str) -> bytes:
    """Return a file with a picture of one colour."""
    width, height = size
    codec, pixels = ENCODERS[form]
    encoder: Any = av.CodecContext.create(codec, "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = width, height, pixels, Fraction(1)
    colour = np.frombuffer(hashlib.sha256(prompt.encode()).digest()[:3], np.uint8)
    frame = av.VideoFrame.from_ndarray(np.tile(colour, (height, width, 1)), format="rgb24").reformat(format=pixels)
    return b"".join(bytes(packet) for packet in (*encoder.encode(frame), *encoder.encode(None)))


def answer(asked: Asked) -> Answer:
    """Return the answer to a request that was checked."""
    files = [picture(f"{asked.prompt} {number}", asked.pixels, asked.output_format) for number in range(asked.n)]
    written = [base64.b64encode(file).decode() for file in files]
    width, height = asked.pixels
    known = {
        "size": f"{width}x{height}",
        "quality": "high" if asked.quality == "auto" else asked.quality,
        "background": "opaque" if asked.background == "auto" else asked.background,
        "output_format": asked.output_format,
    }
    if not asked.stream:
        data = [{"b64_json": text} for text in written]
        return json_answer({"created": CREATED, "data": data, **known, "usage": _usage(asked)})
    usage = _usage(asked)
    del usage["output_tokens_details"]  # these are told of whole answers only
    previews: list[dict[str, Any]] = [
        {"type": "image_generation.partial_image", "partial_image_index": number, "b64_json": written[0]}
        for number in range(asked.partial_images)
    ]
    done: list[dict[str, Any]] = [
        {"type": "image_generation.completed", "b64_json": text, "usage": usage} for text in written
    ]
    return sse_answer(*(event | known | {"created_at": CREATED} for event in (*previews, *done)), done=False)


def _usage(asked: Asked) -> dict[str, Any]:
    read, made = len(asked.prompt.split()), 100 * asked.n
    return {
        "input_tokens": read,
        "input_tokens_details": {"text_tokens": read, "image_tokens": 0},
        "output_tokens": made,
        "output_tokens_details": {"image_tokens": made, "text_tokens": 0},
        "total_tokens": read + made,
    }
