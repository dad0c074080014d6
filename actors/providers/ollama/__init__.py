"""Ollama's own API: models on this machine, or one's own, with their loading and fetching.

`wire` has what goes over the wire, without I/O; `models` has the actor; `endpoint` says where the API is. It attaches
to an Ollama that runs; none is started.
"""
