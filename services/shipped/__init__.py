"""The services that come with troupe: each folder has a manifest, a Dockerfile, and server code where we write it.

`serving` and the servers beside it run inside images that hold nothing else of troupe: they import only each other,
Starlette, uvicorn, msgspec, numpy and PyAV, and an engine. Outside, they are packages like any other, so that tests and
embedders run the same code in their own process. `ffmpeg` and `ollama` have no server of ours.
"""
