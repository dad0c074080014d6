"""OpenAI's HTTP API, and that of the many servers that speak it: chat, speech, transcription.

`wire` has what goes over the wire, without I/O; `chat`, `speech` and `transcription` have an actor each, `api` what the
three share; `endpoint` says where the API is and in what it differs.
"""
