"""How large frames may be."""

MAX_FRAME_OUT = 2**20
"""Bytes of a frame that we send: the limit of pipecat and of older OpenAI clients."""

ROOM_FOR_ENVELOPE = 4096
"""Bytes of a frame that are kept for names, ids and the like around its content."""

MAX_AUDIO_OUT = (MAX_FRAME_OUT - ROOM_FOR_ENVELOPE) // 4 * 3 // 6 * 6
"""Bytes of audio in a frame that we send: whole base64 quadruples and whole 16-bit samples."""

MAX_AUDIO_IN = 15 * 2**20
"""Bytes of audio that a client may append at once."""

MAX_FRAME_IN = MAX_AUDIO_IN // 3 * 4 + 2**16
"""Bytes of a client's frame: that audio in base64, and an envelope."""
