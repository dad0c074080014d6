"""Resemble AI's Chatterbox; see https://github.com/resemble-ai/chatterbox. What it says carries its watermark."""

from collections import OrderedDict
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..serving.refusals import EngineFailed
from .engine import Manner
from .settings import Settings

REMEMBERED: Final = 16
"""Voices whose recordings have been listened to; each takes a few hundred kilobytes."""


class _Kind(NamedTuple):
    module: str
    name: str
    options: tuple[str, ...]
    """Of a manner, those that the model hears."""
    shortest: float
    """Seconds of a recording."""
    languages: frozenset[str] = frozenset({"en"})


_LANGUAGES: Final = "ar da de el en es fi fr he hi it ja ko ms nl no pl pt ru sv sw tr zh"
_EMOTIONAL: Final = ("exaggeration", "cfg_weight", "temperature")
KINDS: Final = {
    "chatterbox": _Kind("chatterbox.tts", "ChatterboxTTS", _EMOTIONAL, 1.0),
    "multilingual": _Kind(
        "chatterbox.mtl_tts", "ChatterboxMultilingualTTS", _EMOTIONAL, 1.0, frozenset(_LANGUAGES.split())
    ),
    "turbo": _Kind("chatterbox.tts_turbo", "ChatterboxTurboTTS", ("temperature",), 5.1),
}


def open_engine(settings: Settings) -> "Chatterbox":
    """Load the model; fetch it first if it is not there.

    Raises:
        SystemExit: It can't be had.
    """
    torch: Any = import_module("torch")
    kind = KINDS[settings.model]
    device = settings.device
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        model = getattr(import_module(kind.module), kind.name).from_pretrained(device=device)
    except (RuntimeError, ValueError, OSError) as error:
        raise SystemExit(f"the model {settings.model} can't be loaded on {device}: {error}") from error
    return Chatterbox(model, settings.model, torch.manual_seed)


class Chatterbox:
    """A loaded model. The voice it speaks in is state of the model, so that it does one thing at a time."""

    def __init__(self, model: Any, name: str, seed: Any) -> None:
        """Take a model.

        Args:
            model: Of one of the classes of `KINDS`.
            name: Its key there.
            seed: Sets the seed of all random numbers of the library.
        """
        self._model = model
        self._seed = seed
        self._kind = KINDS[name]
        self._own = model.conds
        self._voices: OrderedDict[Path, Any] = OrderedDict()
        self.model = name
        self.rate: int = model.sr
        self.languages = self._kind.languages
        self.shortest_reference = self._kind.shortest

    def speak(self, text: str, manner: Manner, reference: Path | None) -> NDArray[np.float32]:
        """Speak; a recording is listened to when its voice is first wanted.

        Raises:
            EngineFailed: The library reports a failure, such as a GPU without memory.
        """
        options = {option: getattr(manner, option) for option in self._kind.options}
        if len(self.languages) > 1:
            options["language_id"] = manner.language
        try:
            self._model.conds = self._own if reference is None else self._voice(reference)
            if manner.seed is not None:
                self._seed(manner.seed)
            return np.asarray(self._model.generate(text, **options), np.float32).reshape(-1)
        except (RuntimeError, ValueError, AssertionError, OSError) as error:
            raise EngineFailed("chatterbox failed") from error

    def _voice(self, reference: Path) -> Any:
        if reference in self._voices:
            self._voices.move_to_end(reference)
        else:
            self._model.prepare_conditionals(str(reference))
            self._voices[reference] = self._model.conds
            if len(self._voices) > REMEMBERED:
                self._voices.popitem(last=False)
        return self._voices[reference]
