"""Which local engines there are, what each needs, and whether it is here.

Asking costs a look at the disk: no engine is imported to find out.
"""

import importlib
import os
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Literal, TypeAlias

from msgspec import Struct

from .errors import NotInstalled

State: TypeAlias = Literal["ready", "needs the package", "needs the model"]


class ModelFile(Struct, frozen=True):
    """One file of a model."""

    name: str
    """Its name in the engine's folder."""
    url: str
    """Where it is published."""
    size: int
    """In bytes; a whole number of megabytes where the publisher says no more."""
    checksum: str = ""
    """Such as ``crc32c:lngmQA==`` (base64 of the big-endian value); empty if none is published."""


class LocalEngine(Struct, frozen=True, kw_only=True):
    """A local engine: the package with its code and the files of its model."""

    name: str
    """What the configuration calls it."""
    kind: Literal["stt", "llm", "tts"]
    package: str = ""
    """The import name of the package it needs; empty if none."""
    extra: str = ""
    """The extra of troupe that installs the package."""
    files: tuple[ModelFile, ...] = ()
    """What is to be downloaded beside the package."""
    licence: str
    """Of code and model."""
    languages: str
    remark: str
    """In a sentence: what it is good for."""

    @property
    def size(self) -> int:
        """Bytes to be downloaded for the model, apart from the package."""
        return sum(file.size for file in self.files)

    def missing(self, folder: Path) -> tuple[ModelFile, ...]:
        """Return the files of the model that `folder`, which holds a folder per engine, lacks."""
        return tuple(file for file in self.files if not (folder / self.name / file.name).is_file())

    def state(self, folder: Path) -> State:
        """Say whether the engine can be opened, or what it needs first."""
        if self.package and find_spec(self.package) is None:
            return "needs the package"
        return "needs the model" if self.missing(folder) else "ready"

    def load(self) -> ModuleType:
        """Import the package.

        Raises:
            NotInstalled: if it isn't installed.
        """
        try:
            return importlib.import_module(self.package)
        except ModuleNotFoundError as error:
            if error.name != self.package:  # it is there, and something that it needs is not
                raise
            raise NotInstalled(
                f"{self.name} needs the package {self.package}: pip install 'troupe[{self.extra}]'"
            ) from error

    def locate(self, folder: Path) -> Path:
        """Return the folder of the model.

        Raises:
            NotInstalled: if files are missing there.
        """
        if missing := self.missing(folder):
            names = ", ".join(file.name for file in missing)
            raise NotInstalled(f"{self.name} lacks {names} in {folder / self.name}: troupe models pull {self.name}")
        return folder / self.name


def models_folder() -> Path:
    """Return the folder of all models: ``$TROUPE_MODELS``, or ``troupe/models`` in the user's cache."""
    if chosen := os.environ.get("TROUPE_MODELS"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "troupe" / "models"


def _moonshine(size: str, remark: str, sizes: dict[str, tuple[int, str]]) -> LocalEngine:
    # Sizes and checksums: moonshine-model-file-metadata.generated.cpp of the moonshine repository.
    url = f"https://download.moonshine.ai/model/{size}-streaming-en/quantized_26_07_30"
    return LocalEngine(
        name=f"moonshine-{size}",
        kind="stt",
        package="moonshine_voice",
        extra="moonshine",
        files=tuple(ModelFile(name, f"{url}/{name}", length, f"crc32c:{crc}") for name, (length, crc) in sizes.items()),
        licence="MIT",
        languages="English",
        remark=remark,
    )


def _kokoro(name: str, model: str, megabytes: int, remark: str) -> LocalEngine:
    url = "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.1"
    return LocalEngine(
        name=name,
        kind="tts",
        package="kokoro_onnx",
        extra="kokoro",
        files=(
            ModelFile("model.onnx", f"{url}/{model}", megabytes * 10**6),
            ModelFile("voices.bin", f"{url}/voices-v1.0.bin", 28 * 10**6),
        ),
        licence="MIT, model Apache-2.0; phonemes by espeak-ng, GPL-3.0",
        languages="English, Spanish, French, Hindi, Italian, Portuguese",
        remark=remark,
    )


ENGINES: dict[str, LocalEngine] = {
    entry.name: entry
    for entry in (
        LocalEngine(
            name="pocketsphinx",
            kind="stt",
            package="pocketsphinx",
            extra="embedded",
            licence="BSD-2-Clause",
            languages="English",
            remark="For trying things out: most words of free speech are wrong; reliable with a short list of words.",
        ),
        _moonshine(
            "tiny",
            "Streams; 12 % of words wrong (Open ASR leaderboard).",
            {
                "adapter.ort": (1319664, "kwQ+Bw=="),
                "cross_kv.ort": (1287544, "76wzFQ=="),
                "decoder_kv.ort": (32583720, "KJjeNw=="),
                "encoder.ort": (7675440, "UjAIpQ=="),
                "frontend.ort": (8324920, "AW9qsg=="),
                "streaming_config.json": (509, "HGL0Ug=="),
                "tokenizer.bin": (249974, "B7s10Q=="),
            },
        ),
        _moonshine(
            "small",
            "Streams; 8 % of words wrong (Open ASR leaderboard).",
            {
                "adapter.ort": (2870368, "XlWjTg=="),
                "cross_kv.ort": (5356536, "5ySK8g=="),
                "decoder_kv.ort": (81878600, "Rn/VUA=="),
                "encoder.ort": (44148576, "41D2jQ=="),
                "frontend.ort": (30984520, "m6NCLA=="),
                "streaming_config.json": (512, "dPbFiw=="),
                "tokenizer.bin": (249974, "B7s10Q=="),
            },
        ),
        _moonshine(
            "medium",
            "Streams; 7 % of words wrong (Open ASR leaderboard).",
            {
                "adapter.ort": (3651296, "Ds3Hsg=="),
                "cross_kv.ort": (11643776, "liqlOg=="),
                "decoder_kv.ort": (146972408, "GPnzeQ=="),
                "encoder.ort": (94705376, "yWvDwA=="),
                "frontend.ort": (47467576, "5twbxQ=="),
                "streaming_config.json": (513, "+1bE9Q=="),
                "tokenizer.bin": (249974, "B7s10Q=="),
            },
        ),
        LocalEngine(
            name="demonstration",
            kind="llm",
            licence="Apache-2.0",
            languages="English",
            remark="For trying things out: rules, not a language model.",
        ),
        LocalEngine(
            name="espeak",
            kind="tts",
            package="espeakng_loader",
            extra="embedded",
            licence="GPL-3.0",
            languages="more than 100",
            remark="For trying things out: clear, at once, and a robot.",
        ),
        _kokoro("kokoro", "kokoro-v1.0.onnx", 326, "Natural; one sentence at a time."),
        _kokoro("kokoro-int8", "kokoro-v1.0.int8.onnx", 114, "As kokoro, a third of its size, a little rougher."),
    )
}
"""By name, from the simplest to the best of each kind."""
