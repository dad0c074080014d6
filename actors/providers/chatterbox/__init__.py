"""Chatterbox servers, which speak in the voice of a recording: the HTTP API of ``chatterbox-tts-api``.

`wire` has what goes over the wire, without I/O; `endpoint` says where the API is; `speech` has the actor. Other servers
of Chatterbox that speak OpenAI's API are served by `troupe.actors.providers.openai`.
"""
