"""Cartesia: speech with the times of words in contexts of a WebSocket, and recognition while somebody speaks.

`wire` has what goes over the wire, without I/O; `endpoint` says where the API is; the other modules have an actor each.
"""
