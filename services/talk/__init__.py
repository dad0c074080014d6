"""``troupe talk`` and ``troupe status``: a server of the realtime protocol, seen from a terminal."""
