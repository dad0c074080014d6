"""Demuxers without I/O: containers and elementary streams taken apart as their bytes arrive."""
