"""What goes over the wire, both ways, without I/O: requests as bytes, answers as they come.

Sources: Anthropic's Python SDK (2.12) and its documentation of the API's versions, errors and streams. Kinds of events,
blocks and deltas that are not known are ignored, as the documentation asks.
"""
