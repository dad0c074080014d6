"""The services that come with troupe: each folder has a manifest, a Dockerfile, and server code where we write it.

`serving` and the servers beside it run inside images that hold nothing else of troupe: they import only each other,
Starlette, uvicorn, msgspec, numpy and PyAV, and an engine. Outside, they are packages like any other, so that tests and
embedders run the same code in their own process. `ffmpeg` and `ollama` have no server of ours.
"""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent.resolve()
"""Where they are; what is in it is read for building their images, and is nobody's secret."""
NAMES: Final = ("chatterbox", "ffmpeg", "ollama", "whisper")
"""What they are called; the folder of each has its manifest."""
