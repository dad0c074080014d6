"""Several providers behind one reference: what one of them fails to finish, the next one does.

::

    child(FallbackModel, (Provider("llm/openai"), Provider("llm/ollama", models={"*": "llama3.2"})), name="llm")
"""

from .breaker import BreakerPolicy, BreakerStatistics, Circuit
from .chain import Provider, ProviderStatus
from .embedder import EmbedderPatience, FallbackEmbedder
from .fallback import ListProviders
from .model import FallbackModel, ModelPatience
from .painter import FallbackPainter
from .recogniser import FallbackRecogniser, RecogniserPatience
from .synthesizer import FallbackSynthesizer, SynthesizerPatience

__all__ = [
    "BreakerPolicy",
    "BreakerStatistics",
    "Circuit",
    "EmbedderPatience",
    "FallbackEmbedder",
    "FallbackModel",
    "FallbackPainter",
    "FallbackRecogniser",
    "FallbackSynthesizer",
    "ListProviders",
    "ModelPatience",
    "Provider",
    "ProviderStatus",
    "RecogniserPatience",
    "SynthesizerPatience",
]
