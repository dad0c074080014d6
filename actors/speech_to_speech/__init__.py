"""Conversations with a model that hears and speaks by itself, without a recogniser, a language model and a voice.

`converse` has the messages, `retelling` what a conversation was and how another connection is told of it, `router` a
chain of providers behind one reference, `session` the session of a client that talks with them.
"""
