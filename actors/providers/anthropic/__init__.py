"""Anthropic's Messages API: Claude, with tools, pictures, thinking and prompt caching.

`wire` has what goes over the wire, without I/O; `chat` has the actor; `endpoint` says where the API is.
"""
