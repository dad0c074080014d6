"""Realtime voice sessions: audio in, turns, a response that can be interrupted, audio out."""
