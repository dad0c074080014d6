"""A server of OpenAI's speech API over Chatterbox, which speaks in the voice of a recording.

`app` has the routes, `speech` what is said, `library` the voices, `stretches` where a text is cut; `engine` says what a
synthesizer looks like, and `resemble` is the real one. Voices and events are those of ``chatterbox-tts-api``, so that
its clients find what they know.
"""
