"""Deepgram: recognition while somebody speaks and of recordings, speech over a WebSocket and over HTTP.

`wire` has what goes over the wire, without I/O; `endpoint` says where the API is; the other modules have an actor each.
"""
