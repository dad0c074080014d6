"""A server of OpenAI's transcription API over Whisper: files over HTTP, speech as it is spoken over a WebSocket.

`app` has the routes, `files` what is done with a file, `answers` how its transcript is written; `realtime`, `session`
and `agreement` are the WebSocket's; `engine` says what a recogniser looks like, and `faster_whisper` is the real one.
"""
