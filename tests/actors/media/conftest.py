"""The files that the tests of this folder work on."""

from media_jobs import folder

__all__ = ["folder"]
