"""Conversations with a model that hears and speaks by itself, without a recogniser, a language model and a voice.

`converse` has the messages. `router` is a chain of providers behind one reference; what a conversation was, and how
another connection is told of it, is in `retelling`, with `answers` and `user_audio`. `pipeline` is a recogniser, a
language model and a voice as the last of such a chain. `session` is the session of a client that talks with them.
"""
