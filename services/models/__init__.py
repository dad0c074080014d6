"""Models as objects: one typed interface for each thing that models do, whichever provider is behind it.

::

    async with open_model("elevenlabs/eleven_flash_v2_5", TextToSpeech) as voice:
        spoken = await voice.transform("Nothing is said twice.")

`open_model` opens one, `open_models` a place where several are opened. Every model has ``transform``, which returns the
whole, and ``stream``, which gives it piece by piece.
"""

from .embedder import Embedder
from .language_model import Answer, LanguageModel
from .model import Model
from .opening import Models, open_model, open_models
from .speech_to_speech import SpeechToSpeech, SpokenAnswer
from .speech_to_text import SpeechToText
from .spoken import Spoken
from .text_to_image import TextToImage
from .text_to_speech import TextToSpeech

__all__ = [
    "Answer",
    "Embedder",
    "LanguageModel",
    "Model",
    "Models",
    "SpeechToSpeech",
    "SpeechToText",
    "Spoken",
    "SpokenAnswer",
    "TextToImage",
    "TextToSpeech",
    "open_model",
    "open_models",
]
