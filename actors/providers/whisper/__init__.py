"""Whisper servers with an API of their own: whisper.cpp's ``whisper-server`` and ``whisper-asr-webservice``.

`wire` has what goes over the wire, without I/O; `endpoint` says where a server is; `transcription` has the actor. Those
that speak OpenAI's API, such as speaches, are served by `troupe.actors.providers.openai`.
"""
