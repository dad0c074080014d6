"""ElevenLabs: speech with the times of words, over a WebSocket and over HTTP; recognition, live and of recordings.

`wire` has what goes over the wire, without I/O; `endpoint` says where the API is; the other modules have an actor each.
"""
